"""Certificates for servers, contexts for clients, and the channel bindings of a TLS connection."""
import ctypes
import hashlib
import ssl
import subprocess

KEYS = {
    "p256": ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
    "rsa": ["rsa:2048"],
    "ed25519": ["ed25519"],
}


def certificate(*names, cert="cert.pem", key="key.pem", kind="p256", digest="sha256", days=90):
    """Makes a self-signed certificate for the names; its key is of that kind (KEYS), its signature of that digest."""
    alt = ",".join(f"DNS:{name}" for name in names)
    subprocess.run(["openssl", "req", "-x509", "-newkey", *KEYS[kind], "-nodes", "-keyout", key, "-out", cert, "-days", str(days),
                    "-subj", f"/CN={names[0]}", "-addext", f"subjectAltName={alt}",
                    *([] if kind == "ed25519" else [f"-{digest}"])], check=True, capture_output=True)


def client_context(alpn=("xmpp-client",), oldest=None, newest=None, ciphers=None):
    """A context that believes every certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if ciphers:
        context.set_ciphers(ciphers)
    if oldest:
        context.minimum_version = oldest
    if newest:
        context.maximum_version = newest
    return context


def exporter(sock, label=b"EXPORTER-Channel-Binding", length=32):
    """Keying material of RFC 9266. Python does not export it, the library below it does."""
    class Wrapper(ctypes.Structure):  # the start of CPython's PySSLSocket
        _fields_ = [("refcount", ctypes.c_ssize_t), ("type", ctypes.c_void_p), ("socket", ctypes.c_void_p),
                    ("ssl", ctypes.c_void_p)]
    library = ctypes.CDLL(ssl._ssl.__file__)  # pylint: disable=protected-access
    library.SSL_get_version.restype = ctypes.c_char_p
    handle = ctypes.c_void_p(Wrapper.from_address(id(sock._sslobj)).ssl)  # pylint: disable=protected-access
    assert library.SSL_get_version(handle).decode() == sock.version()
    out = ctypes.create_string_buffer(length)
    assert library.SSL_export_keying_material(handle, out, ctypes.c_size_t(length), label, ctypes.c_size_t(len(label)), b"",
                                              ctypes.c_size_t(0), 1) == 1
    return out.raw


def binding(sock, kind, digest="sha256"):
    """The data of a channel binding; digest is that of the certificate's signature, for tls-server-end-point."""
    if kind == "tls-exporter":
        return exporter(sock)
    if kind == "tls-server-end-point":
        return hashlib.new(digest, sock.getpeercert(True)).digest()
    return sock.get_channel_binding("tls-unique")
