// Pages of a headless Chromium for a program that speaks lines of JSON.
//
// It gets {"id", "page", "call", "arguments"} and answers {"id", "result"} or {"id", "error"}. "call" is a method
// of the page (playwright-core's names), or one of `own`. A page is what the number names; each has its own cookies
// and storage. What goes wrong in a page is kept until "problems" asks for it. It ends with its input.
// usage: node chromium.mjs PROGRAM TIMEOUT
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(`${process.env.NODE_MODULES}/`);
const { chromium } = require("playwright-core");
const [program, timeout] = process.argv.slice(2);
const browser = await chromium.launch({
	executablePath: program,
	timeout: Number(timeout),
	args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--host-resolver-rules=MAP *.example 127.0.0.1"],
});
const pages = new Map();

async function open(number, options) {
	const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "en-US", ...options });
	const page = await context.newPage();
	const problems = [], sockets = [];

	page.setDefaultTimeout(Number(timeout));
	page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
	page.on("pageerror", (error) => problems.push(String(error)));
	page.on("response", (answer) => answer.status() >= 400 && problems.push(`${answer.status()} ${answer.url()}`));
	page.on("websocket", (socket) => sockets.push(socket.url()));
	pages.set(number, { context, page, problems, sockets });
}

const own = {
	problems: ({ problems }) => problems.splice(0),
	sockets: ({ sockets }) => sockets,
	close: ({ context }) => context.close(),
};

async function run({ page: number, call, arguments: given }) {
	const it = pages.get(number);

	if (call === "open")
		return open(number, ...given);
	if (call in own)
		return own[call](it, ...given);
	const result = await it.page[call](...given);

	return result === undefined || typeof result !== "object" || Array.isArray(result) || result?.constructor === Object
		? result : null;
}

console.log(JSON.stringify({ id: 0 }));
for await (const line of createInterface({ input: process.stdin })) {
	const request = JSON.parse(line);
	let answer;

	try {
		answer = { result: await run(request) };
	} catch (error) {
		answer = { error: String(error) };
	}
	console.log(JSON.stringify({ id: request.id, ...answer }));
}
await browser.close();
process.exit(0);
