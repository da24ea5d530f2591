"""Opens a page in headless Chromium over its debugging pipe, and checks what is to be seen."""

import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile

# Width in pixels, medium, colour scheme. Paper of A4 and Letter is at least 718 pixels wide between
# its margins, and white however dark the screen.
LOOKS = [
    (1280, "screen", "light"),
    (1280, "screen", "dark"),
    (400, "screen", "light"),
    (400, "screen", "dark"),
    (718, "print", "dark"),
]

# What the page says about itself: which plots there are, and what is wrong with them.
LOOK = r"""
(() => {
  const wrong = [];
  const scenarios = [...document.querySelectorAll('section.scenario')];
  const luminance = rgb => {
    const [r, g, b] = rgb.map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const numbers = colour => colour.match(/[\d.]+/g).slice(0, 3).map(Number);
  const paper = luminance(numbers(getComputedStyle(document.body).backgroundColor));
  const contrast = colour => {
    const ink = luminance(numbers(colour));
    return (Math.max(ink, paper) + .05) / (Math.min(ink, paper) + .05);
  };
  for (const scenario of scenarios) {
    const strategies = scenario.querySelectorAll('table thead .name').length;
    const count = (wanted, part) => {
      const found = scenario.querySelectorAll(`svg.plot[id^="${scenario.id}-${part}"]`).length;
      if (found !== wanted) wrong.push(`${scenario.id}: ${found} plots of ${part}, not ${wanted}`);
    };
    count(1, 'percentiles');
    count(strategies, 'timeline');
    count(strategies, 'demand');
    const few = scenario.textContent.includes('Fewer than two strategies');
    count(few ? 0 : 1, 'frontier');
  }
  if (!scenarios.length) wrong.push('no scenario');
  const plots = [...document.querySelectorAll('svg.plot')];
  for (const plot of plots) {
    const box = plot.getBoundingClientRect();
    const room = plot.parentElement.getBoundingClientRect();
    const lines = [...plot.querySelectorAll('path.line')];
    if (box.width < 160 || box.height < 100) wrong.push(`${plot.id}: ${box.width} by ${box.height}`);
    if (!lines.some(line => line.getTotalLength() > 0)) wrong.push(`${plot.id}: no line`);
    for (const text of plot.querySelectorAll('text')) {
      const at = text.getBoundingClientRect();
      const style = getComputedStyle(text);
      if (at.width && (at.left < room.left - 1 || at.right > room.right + 1)) wrong.push(`${plot.id}: cut off: ${text.textContent}`);
      if (parseFloat(style.fontSize) < (matchMedia('print').matches ? 10 : 11)) wrong.push(`${plot.id}: small: ${text.textContent}`);
      if (contrast(style.fill) < 4.5) wrong.push(`${plot.id}: faint: ${text.textContent}`);
    }
    const texts = [...plot.querySelectorAll('text')].map(text => [text, text.getBoundingClientRect()]);
    for (const [index, [text, one]] of texts.entries())
      for (const [other, two] of texts.slice(index + 1)) {
        const across = Math.min(one.right, two.right) - Math.max(one.left, two.left);
        const down = Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top);
        if (across > 2 && down > 2) wrong.push(`${plot.id}: overlap: ${text.textContent}, ${other.textContent}`);
      }
    for (const id of plot.getAttribute('aria-labelledby').split(' '))
      if (!document.getElementById(id)?.textContent) wrong.push(`${plot.id}: not described`);
  }
  for (const element of document.querySelectorAll('p, li, th, td, dt, dd, small, caption, code')) {
    if (contrast(getComputedStyle(element).color) < 4.5)
      wrong.push(`faint: ${element.tagName} ${element.textContent.slice(0, 40)}`);
  }
  for (const table of document.querySelectorAll('table'))
    if (!table.caption || !table.querySelector('th[scope=col]')) wrong.push(`${table.id}: no headings`);
  const wide = document.documentElement.scrollWidth;
  if (wide > innerWidth) wrong.push(`${wide} pixels wide in a window of ${innerWidth}`);
  return { wrong: [...new Set(wrong)], plots: plots.map(plot => plot.id), paper,
           height: document.documentElement.scrollHeight };
})()
"""


class Browser:
    """Chromium, spoken to in JSON messages that end with a zero byte."""

    def __init__(self, profile):
        their_input, self.output = os.pipe()
        self.input, their_output = os.pipe()
        # The browser reads commands from descriptor 3 and writes answers to 4.
        shell = f'exec chromium "$@" 3<&{their_input} 4>&{their_output}'
        flags = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
            "--no-first-run", "--disable-extensions", "--disable-background-networking",
            "--hide-scrollbars", f"--user-data-dir={profile}", "about:blank",
        ]
        self.process = subprocess.Popen(
            ["bash", "-c", shell, "chromium", *flags],
            pass_fds=(their_input, their_output), stderr=subprocess.DEVNULL,
        )
        os.close(their_input)
        os.close(their_output)
        self.pending = b""
        self.number = 0
        self.events = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]

    session = None

    def message(self):
        while b"\0" not in self.pending:
            read = os.read(self.input, 1 << 20)
            if not read:
                sys.exit("browser: chromium went away")
            self.pending += read
        message, self.pending = self.pending.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.output, json.dumps(request).encode() + b"\0")
        while True:
            message = self.message()
            if message.get("id") == self.number:
                if "error" in message:
                    sys.exit(f"browser: {method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def wait(self, method):
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.message())

    def close(self):
        self.process.terminate()
        self.process.wait(10)


def look(browser, page, width, medium, scheme, pictures):
    """What is wrong with the page at one width, on one medium, in one scheme."""
    name = f"{width}-{'print' if medium == 'print' else scheme}"
    browser.events.clear()
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900,
                 deviceScaleFactor=1, mobile=False)
    browser.call("Emulation.setEmulatedMedia", media=medium,
                 features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.call("Page.navigate", url=page.as_uri())
    browser.wait("Page.loadEventFired")
    seen = browser.call("Runtime.evaluate", expression=LOOK, returnByValue=True)
    if "exceptionDetails" in seen:
        sys.exit(f"browser: {seen['exceptionDetails']}")
    seen = seen["result"]["value"]
    wrong = seen["wrong"]
    if (seen["paper"] > 0.5) != (scheme == "light" or medium == "print"):
        wrong.append(f"the paper's luminance is {seen['paper']:.2f}")
    size = {"x": 0, "y": 0, "width": width, "height": seen["height"], "scale": 1}
    picture = browser.call("Page.captureScreenshot", captureBeyondViewport=True, clip=size)
    (pictures / f"{name}.png").write_bytes(base64.b64decode(picture["data"]))
    for event in browser.events:
        parameters = event.get("params", {})
        if event.get("method") == "Network.requestWillBeSent":
            if parameters["request"]["url"] != page.as_uri():
                wrong.append(f"fetched {parameters['request']['url'][:100]}")
        elif event.get("method") in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
            wrong.append(f"script: {json.dumps(parameters)[:300]}")
        elif event.get("method") == "Log.entryAdded":
            wrong.append(f"log: {parameters['entry']['text'][:300]}")
    print(f"{name}: {len(seen['plots'])} plots, {seen['height']} pixels high, "
          f"{len(wrong)} wrong")
    return [f"{name}: {each}" for each in wrong]


def main():
    page = pathlib.Path(sys.argv[1]).resolve()
    pictures = pathlib.Path(sys.argv[2])
    pictures.mkdir(parents=True, exist_ok=True)
    wrong = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(profile)
        try:
            for domain in ("Page", "Runtime", "Log", "Network"):
                browser.call(f"{domain}.enable")
            for width, medium, scheme in LOOKS:
                wrong += look(browser, page, width, medium, scheme, pictures)
            printed = browser.call("Page.printToPDF", printBackground=False)["data"]
            (pictures / "printed.pdf").write_bytes(base64.b64decode(printed))
        finally:
            browser.close()
    if wrong:
        sys.exit("\n".join(["browser: wrong:", *wrong[:40]]))


main()
