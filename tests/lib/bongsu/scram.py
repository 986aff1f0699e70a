"""The client's side of SCRAM (RFC 5802), step by step, so that tests can do each step wrong."""
import base64
import hashlib
import hmac
import secrets


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


class Scram:
    """One exchange. mechanism: such as SCRAM-SHA-256-PLUS.

    gs2: the header, such as "n,," or "p=tls-exporter,,"; data: the channel's, for "p=".
    """

    def __init__(self, mechanism, user, password, gs2="n,,", data=b""):
        self.digest = {"1": "sha1", "256": "sha256", "512": "sha512"}[mechanism.split("-")[2]]
        self.password = password.encode()
        self.gs2 = gs2
        self.data = data
        self.nonce = secrets.token_urlsafe(18)
        self.bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={self.nonce}"
        self.server_key = self.message = None

    def first(self):
        """The first message."""
        return self.gs2 + self.bare

    def final(self, challenge):
        """The answer to the server's first message."""
        parts = dict(part.split("=", 1) for part in challenge.split(","))
        assert parts["r"].startswith(self.nonce) and len(parts["r"]) > len(self.nonce) and int(parts["i"]) >= 4096
        salted = hashlib.pbkdf2_hmac(self.digest, self.password, base64.b64decode(parts["s"]), int(parts["i"]))
        key = hmac.digest(salted, b"Client Key", self.digest)
        self.server_key = hmac.digest(salted, b"Server Key", self.digest)
        bare = f"c={b64(self.gs2.encode() + self.data)},r={parts['r']}"
        self.message = f"{self.bare},{challenge},{bare}".encode()
        signature = hmac.digest(hashlib.new(self.digest, key).digest(), self.message, self.digest)
        return f"{bare},p={b64(bytes(a ^ b for a, b in zip(key, signature)))}"

    def proves(self, final):
        """Does the server's final message prove that it knows the keys?"""
        return final == "v=" + b64(hmac.digest(self.server_key, self.message, self.digest))
