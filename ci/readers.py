"""What Python's libraries make of the files of a run; see ci/real-readers.

usage: readers.py files RUN ROOT | traffic SERVERS
"""

import csv
import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path


def check(condition, text):
    if not condition:
        sys.exit(f"readers: {text}")


def hdrhistogram(run):
    """The library gets our percentiles, to the bucket, from the lines without a tag."""
    from hdrh.histogram import HdrHistogram
    from hdrh.log import HistogramLogReader

    records = sorted((run / "records").glob("*.json"))
    for path in records:
        record = json.loads(path.read_text())
        whole = HdrHistogram(1, 3_600_000_000, 3)
        log = HistogramLogReader(str(run / "trials" / record["trial"] / "response.hlog"), whole)
        seconds = 0
        while (interval := log.get_next_interval_histogram()) is not None:
            check(interval.get_tag() in (None, "warm-up"), f"tag {interval.get_tag()}")
            if interval.get_tag() is None:
                seconds += 1
                whole.add(interval)
        ours = record["response"]
        check(whole.get_total_count() == ours["count"] > 0, f"{path}: count")
        for percentile, field in [(50, "p50_us"), (99, "p99_us"), (99.9, "p999_us"), (99.99, "p9999_us")]:
            theirs = whole.get_value_at_percentile(percentile)
            check(theirs == ours[field], f"{path}: {field} is {ours[field]}, theirs {theirs}")
        print(f"hdrhistogram: {record['trial']}: {seconds} intervals, p99 {ours['p99_us']} us as ours")


def otava(run, root):
    """apache-otava finds the change of 10 % planted in a history made of the run's own line."""
    page = (root / "results" / "FILES.md").read_text()
    Path("otava.yaml").write_text(re.search(r"```yaml\n(tests:.*?)```", page, re.S)[1])
    with open(run / "history.csv", newline="") as file:
        headings, line = list(csv.reader(file))
    column = headings.index("smoke.low_latency.p99_ms")
    noise = random.Random(7)
    with open("history.csv", "w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(headings)
        for index in range(40):
            level = 110 if index >= 25 else 100
            row = list(line)
            row[1:4] = [f"2026-01-{1 + index:02d}T00:00:00Z" if index < 28 else
                        f"2026-02-{index - 27:02d}T00:00:00Z", f"run-{index}", f"revision-{index}"]
            row[column] = f"{level * noise.gauss(1, 0.02):.3f}"
            lines.writerow(row)
    command = [Path(sys.executable).parent / "otava", "analyze", "smoke", "--since", "2025-12-01"]
    found = subprocess.run(
        [*command, "--output", "json"],
        env={**os.environ, "OTAVA_CONFIG": "otava.yaml"},
        capture_output=True,
        text=True,
    )
    check(found.returncode == 0, f"otava: {found.stdout}{found.stderr}")
    changes = json.loads(found.stdout[found.stdout.index("{") :])["smoke"]
    told = [(c["attributes"]["revision"], [m["metric"] for m in c["changes"]]) for c in changes]
    check(told == [("revision-25", ["low_latency_p99"])], f"otava found {told}")
    print(f"apache-otava: the change at revision-25, {changes[0]['changes'][0]['forward_change_percent']} %")


def junit(run):
    """junitparser counts what is in the file, and each failure carries its sentence."""
    from junitparser import Error, Failure, JUnitXml

    report = JUnitXml.fromfile(str(run / "junit.xml"))
    cases = [case for suite in report for case in suite]
    kinds = {Failure: 0, Error: 0}
    for case in cases:
        for result in case.result:
            kinds[type(result)] += 1
            check(result.text.strip().endswith((".", ")")), f"junit: {result.text!r}")
    check(report.tests == len(cases) > 0, f"junit: {report.tests} tests, {len(cases)} cases")
    check((report.failures, report.errors) == (kinds[Failure], kinds[Error]), f"junit: {kinds}")
    strategies = {path.stem.rsplit("-", 1)[0] for path in (run / "records").glob("*.json")}
    classes = {case.classname.replace(".", "-") for case in cases}
    check(classes == strategies, f"junit: {classes} for {strategies}")
    print(f"junitparser: {len(cases)} cases, {kinds[Failure]} failures, {kinds[Error]} errors")


def others(run, root):
    """The dashboard's entries have the fields of customSmallerIsBetter; the examples are YAML."""
    from ruamel.yaml import YAML

    entries = json.loads((run / "dashboard.json").read_text())
    for entry in entries:
        fields = {"name", "unit", "value", "range", "extra"}
        check({"name", "unit", "value"} <= entry.keys() <= fields, f"dashboard: {entry}")
    check(len({entry["name"] for entry in entries}) == len(entries) > 0, "dashboard: names")
    print(f"dashboard.json: {len(entries)} entries")
    for example in sorted((root / "ci" / "examples").glob("*.yml")):
        text = example.read_text()
        check(YAML(typ="safe").load(text), f"{example}")
        for script in re.findall(r"ci/pull-request/\w+", text):
            check(os.access(root / script, os.X_OK), f"{example} calls {script}")
    report = (run / "report.md").read_bytes()
    check(len(report) <= 64_000 and report.startswith(b"# "), "report.md")


def traffic(servers):
    """200 messages in and out."""
    from kafka import KafkaConsumer, KafkaProducer

    producer = KafkaProducer(bootstrap_servers=servers)
    for _ in range(200):
        producer.send("orders", b"x" * 50)
    producer.flush()
    producer.close()
    consumer = KafkaConsumer(
        "orders",
        bootstrap_servers=servers,
        group_id="readers",
        auto_offset_reset="earliest",
        consumer_timeout_ms=5_000,
    )
    seen = 0
    for _ in consumer:
        seen += 1
        if seen == 200:
            break
    consumer.close()
    check(seen == 200, f"{seen} of 200 messages read")


if sys.argv[1] == "traffic":
    traffic(sys.argv[2])
else:
    run, root = Path(sys.argv[2]), Path(sys.argv[3])
    hdrhistogram(run)
    otava(run, root)
    junit(run)
    others(run, root)
