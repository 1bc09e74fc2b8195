// Opens a page and prints what is seen of it: browser.mjs CHROMIUM FLAGS PAGE [light|dark|print [PICTURE]]
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [program, flags, page, look = 'light', picture] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), 'mlferry-browser-'));
const browser = spawn(program, [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--remote-debugging-pipe',
  `--user-data-dir=${profile}`, ...flags.split(' ').filter(Boolean),
], { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] });
let said = '';
browser.stderr.on('data', (text) => { said += text; });
const end = (code, why) => {
  if (why) console.error(why, said);
  browser.kill('SIGKILL');
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  process.exit(code);
};
browser.on('error', (error) => end(1, error));
browser.on('exit', () => end(1, 'the browser has gone'));
setTimeout(() => end(1, 'the browser does not answer'), 45_000);

// The protocol of its developer tools: JSON with a NUL after each message.
const asked = new Map();
const heard = [];
let loaded;
const isLoaded = new Promise((done) => { loaded = done; });
let rest = '';
browser.stdio[4].on('data', (bytes) => {
  rest += bytes;
  for (let at; (at = rest.indexOf('\0')) >= 0; rest = rest.slice(at + 1)) {
    const message = JSON.parse(rest.slice(0, at));
    if (message.id) asked.get(message.id)(message);
    else heard.push(message);
    if (message.method === 'Page.loadEventFired') loaded();
  }
});
const call = (method, params = {}, sessionId = undefined) => new Promise((done) => {
  const id = asked.size + 1;
  asked.set(id, ({ result, error }) => (error ? end(1, `${method}: ${error.message}`) : done(result)));
  browser.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
});

const { targetId } = await call('Target.createTarget', { url: 'about:blank' });
const { sessionId } = await call('Target.attachToTarget', { targetId, flatten: true });
const tab = (method, params) => call(method, params, sessionId);
await tab('Network.enable');
await tab('Log.enable');
await tab('Emulation.setEmulatedMedia', {
  media: look === 'print' ? 'print' : 'screen',
  features: [{ name: 'prefers-color-scheme', value: look === 'dark' ? 'dark' : 'light' }],
});
await tab('Emulation.setDeviceMetricsOverride', { width: 1000, height: 1400, deviceScaleFactor: 1, mobile: false });
await tab('Page.enable');
await tab('Page.navigate', { url: page });
await isLoaded;
const value = async (expression) => (await tab('Runtime.evaluate', { expression, returnByValue: true })).result.value;
const seen = {
  title: await value('document.title'),
  text: await value('document.body.innerText'),
  scripts: await value('document.scripts.length'),
  lines: await value('[...document.querySelectorAll("polyline")].map((line) => [line.className.baseVal, line.getTotalLength()])'),
  background: await value('getComputedStyle(document.body).backgroundColor'),
  // Wider than the window.
  overflow: await value('document.documentElement.scrollWidth - document.documentElement.clientWidth'),
  requests: heard.filter(({ method }) => method === 'Network.requestWillBeSent').map(({ params }) => params.request.url),
  complaints: heard.filter(({ method }) => method === 'Log.entryAdded').map(({ params }) => params.entry.text),
};
if (picture) writeFileSync(picture, (await tab('Page.captureScreenshot', { format: 'png' })).data, 'base64');
console.log(JSON.stringify(seen));
browser.removeAllListeners('exit');
end(0);
