// A page's client on strophe.js: logs in, says so, answers each message, and leaves when it is told to.
// usage: node strophe.mjs SERVICE JID PASSWORD
import { createRequire } from "node:module";

const require = createRequire(`${process.env.NODE_MODULES}/`);
const { JSDOM } = require("jsdom");
const [service, jid, password] = process.argv.slice(2);
const page = new JSDOM("", { url: "http://page.example/" });
globalThis.XMLHttpRequest = page.window.XMLHttpRequest; // with a browser's rules about other sites
const { Strophe, $pres, $msg, $iq } = require("strophe.js");
const tell = (event, more = {}) => console.log(JSON.stringify({ event, ...more }));
const names = Object.fromEntries(Object.entries(Strophe.Status).map(([name, value]) => [value, name]));
const connection = new Strophe.Connection(service);

function answer(message) {
	const body = message.getElementsByTagName("body")[0]?.textContent;
	if (body === "leave")
		connection.disconnect("told to");
	else if (body)
		connection.send($msg({ to: message.getAttribute("from"), type: "chat" }).c("body").t(`you said: ${body}`));
	return true;
}

connection.connect(jid, password, (status, condition) => {
	tell(names[status], { jid: connection.jid, condition });
	if (status === Strophe.Status.CONNECTED) {
		connection.addHandler(answer, null, "message");
		connection.sendIQ($iq({ type: "get" }).c("query", { xmlns: Strophe.NS.ROSTER }),
			() => tell("roster"), (error) => tell("error", { error: error && error.outerHTML }));
		connection.send($pres());
	}
	if (status === Strophe.Status.DISCONNECTED || status === Strophe.Status.CONNFAIL)
		process.exit(status === Strophe.Status.DISCONNECTED ? 0 : 1);
});
