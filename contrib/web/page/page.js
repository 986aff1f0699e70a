// Starts converse.js with what the server says of the host that this page belongs to.
//
// Everything is addressed relative to the page, so that it may be anywhere behind a proxy. "?bosh" in
// the page's address chooses BOSH, for networks that cut WebSockets.

const here = new URL(".", location.href);

function endpoint(path, scheme) {
	const url = new URL(path.replace(/^\//, ""), here);

	url.protocol = location.protocol.replace("http", scheme);
	return url.href;
}

// At most one of the two: converse.js takes WebSocket if both are there.
function transport(server) {
	const wanted = new URLSearchParams(location.search).has("bosh") ? "bosh" : "websocket";

	if (server.websocket && (wanted === "websocket" || !server.bosh))
		return { websocket_url: endpoint(server.websocket, "ws") };
	if (server.bosh)
		return { bosh_service_url: endpoint(server.bosh, "http") };
	throw new Error("the server offers neither WebSocket nor BOSH");
}

function settings(server) {
	return {
		...transport(server),
		assets_path: new URL("converse/", here).pathname,
		default_domain: server.domain,
		domain_placeholder: server.domain,
		discover_connection_methods: false,
		allow_registration: server.registration,
		registration_domain: server.domain,
		muc_domain: server.rooms ?? undefined,
		muc_search_service: server.rooms ?? server.domain, // asked while a name is typed; by default somebody else
		muc_nickname_from_jid: true,
		view_mode: "fullscreen",
		keepalive: true,
		reuse_scram_keys: true,
		auto_reconnect: true,
		enable_smacks: true,
		csi_waiting_time: 60,
		locales: ["af", "ar", "be", "bg", "ca", "cs", "da", "de", "el", "en", "eo", "es", "eu", "fa", "fi", "fr", "gl", "he",
			"hi", "hu", "id", "it", "ja", "ko", "lt", "mr", "nb", "nl", "oc", "pl", "pt", "pt_BR", "ro", "ru", "si", "sv",
			"ta", "th", "tr", "ug", "uk", "vi", "zh_CN", "zh_TW"],
		// Nothing comes from elsewhere, and nobody learns what is read here.
		render_media: false,
		embed_3rd_party_media_players: false,
		autocomplete_providers_url: "",
		xmpp_providers_url: "",
		providers_link: "",
		blacklisted_plugins: ["converse-omemo"],
		whitelisted_plugins: ["keep-address"],
	};
}

// In place of the client's own, which speak of its project and load pictures from elsewhere. They have
// to be there before converse.js defines its elements.
function ownElements(server) {
	const element = (fill) => class extends HTMLElement {
		connectedCallback() {
			this.replaceChildren(...fill());
		}
	};
	const make = (name, text, attributes = {}) => Object.assign(document.createElement(name), { textContent: text }, attributes);

	customElements.define("converse-brand-logo", element(() => [make("h1", server.domain)]));
	customElements.define("converse-controlbox-navbar", element(() => []));
	customElements.define("converse-footer", element(() => [
		make("a", "converse.js", { href: "https://conversejs.org", target: "_blank", rel: "noopener noreferrer" })]));
}

// A reloaded page resumes its session, and must go on under the same full address. converse.js keeps the bare one and
// adds a new resource to it; so the full one is kept in what belongs to this tab, and handed over at the start.
function keepAddress() {
	const kept = "session-address", theirs = "conversejs-session-jid";
	const full = sessionStorage.getItem(kept);

	if (full && full.split("/")[0] === localStorage.getItem(theirs))
		localStorage.setItem(theirs, full);
	converse.plugins.add("keep-address", {
		initialize() {
			const { api } = this._converse;
			const keep = () => sessionStorage.setItem(kept, api.connection.get().jid);

			api.listen.on("connected", keep);
			api.listen.on("reconnected", keep);
			// At once: converse.js forgets who it was only after it has shown the way in again.
			api.listen.on("beforeLogout", () => {
				sessionStorage.removeItem(kept);
				localStorage.removeItem(theirs);
			});
		},
	});
}

function tell(error) {
	const place = document.getElementById("trouble");

	place.textContent = `This page cannot start: ${error.message}.`;
	place.hidden = false;
}

async function start() {
	if (!window.isSecureContext) // browsers compute no SCRAM there, and the server lets nobody log in
		throw new Error("the browser has to come over HTTPS");
	const answer = await fetch(new URL("config.json", here), { cache: "no-store" });

	if (!answer.ok)
		throw new Error(`the server answered ${answer.status}`);
	const server = await answer.json();
	document.title = server.domain;
	ownElements(server);
	keepAddress();
	await converse.initialize(settings(server));
}

start().catch(tell);
