// A client on @xmpp/client, with stream management: logs in, says so, answers each message; loses its connection and
// resumes when it is told "break", and leaves when it is told "leave".
// usage: node xmpp.mjs SERVICE DOMAIN USER PASSWORD
import { createRequire } from "node:module";

const require = createRequire(`${process.env.NODE_MODULES}/`);
const { client, xml } = await import(require.resolve("@xmpp/client"));
globalThis.WebSocket ??= require("ws");
const [service, domain, username, password] = process.argv.slice(2);
const tell = (event, more = {}) => console.log(JSON.stringify({ event, ...more }));
const xmpp = client({ service, domain, username, password, resource: "xmpp" });

xmpp.on("error", (error) => tell("error", { error: String(error) }));
xmpp.on("online", async (address) => {
	tell("online", { jid: address.toString() });
	await xmpp.send(xml("presence"));
});
xmpp.streamManagement.on("resumed", () => tell("resumed"));
xmpp.on("stanza", async (stanza) => {
	const body = stanza.is("message") && stanza.getChildText("body");
	if (body === "leave") {
		await xmpp.stop();
		tell("left");
	} else if (body === "break") {
		xmpp.socket.socket.terminate ? xmpp.socket.socket.terminate() : xmpp.socket.end();
	} else if (body) {
		await xmpp.send(xml("message", { to: stanza.attrs.from, type: "chat" }, xml("body", {}, `you said: ${body}`)));
	}
});
xmpp.start().catch((error) => {
	tell("failed", { error: String(error) });
	process.exit(1);
});
