#!/usr/bin/env python3
"""Heap snapshots in the loader of Chrome's DevTools itself, from npm: it opens what `seep export`
writes, works out the retained sizes that `seep graph` tells, shows who retains what, and compares
two snapshots. Runs only with SEEP_LONG_TESTS=1, and where npm can be reached."""
import json
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../system"))
# pylint: disable=wrong-import-position
from recorded import BUILD, IS_LONG, SCRATCH, Checks, clean_environment, record, seep, target

PACKAGES = ["chrome-devtools-frontend@1.0.1705227", "esbuild@0.25.0"]
WORKER = "./node_modules/chrome-devtools-frontend/front_end/entrypoints/heap_snapshot_worker"
READER = """
import * as fs from 'node:fs';
import {HeapSnapshotLoader} from '%(worker)s/HeapSnapshotLoader.js';
import {SecondaryInitManager} from '%(worker)s/HeapSnapshot.js';

async function load(path) {
  const loader = new HeapSnapshotLoader({sendEvent() {}});
  const text = fs.readFileSync(path, 'utf8');
  for (let at = 0; at < text.length; at += 1 << 20) loader.write(text.slice(at, at + (1 << 20)));
  loader.close();
  const channel = new MessageChannel();
  new SecondaryInitManager(channel.port2);
  const snapshot = await loader.buildSnapshot(channel.port1);
  channel.port1.close();
  channel.port2.close();
  return snapshot;
}

const snapshots = [];
for (const path of process.argv.slice(2)) snapshots.push(await load(path));
const first = snapshots[0];
const nodes = [];
for (let i = 0; i < first.nodeCount; i++) {
  const node = first.createNode(i * first.nodeFieldCount), retainers = [];
  for (const it = node.retainers(); it.hasNext(); it.next())
    retainers.push([it.item().node().name(), it.item().name()]);
  nodes.push({name: node.name(), retained: node.retainedSize(), retainers});
}
const diff = snapshots.length < 2 ? {} :
    snapshots[1].calculateSnapshotDiff('base', first.aggregatesForDiff('[]'));
const rows = Object.values(diff).map(row =>
    [row.name, row.addedCount, row.removedCount, row.addedSize, row.removedSize]);
process.stdout.write(JSON.stringify({total: first.totalSize, nodes, rows}));
""" % {"worker": WORKER}
# What a page would have, and Node.js 20 does not.
BEGIN = """
globalThis.Promise.withResolvers ??= () => {
  const all = {};
  all.promise = new Promise((resolve, reject) => Object.assign(all, {resolve, reject}));
  return all;
};
"""
BUNDLER = """
import {build} from 'esbuild';
import fs from 'node:fs';
import path from 'node:path';
const stub = `export const HOST_RUNTIME = {}, LOCALES = ["en-US"], BUNDLED_LOCALES = ["en-US"],
  DEFAULT_LOCALE = "en-US", REMOTE_FETCH_PATTERN = "", LOCAL_FETCH_PATTERN = "";`;
await build({entryPoints: ['reader.ts'], bundle: true, platform: 'node', format: 'esm',
  outfile: 'reader.mjs', logLevel: 'error', banner: {js: fs.readFileSync('begin.js', 'utf8')},
  plugins: [{name: 'sources', setup(builder) {
    builder.onResolve({filter: /(locales|HostRuntime)\\.js$/},
                      args => ({path: args.path, namespace: 'stub'}));
    builder.onLoad({filter: /.*/, namespace: 'stub'}, () => ({contents: stub, loader: 'js'}));
    builder.onResolve({filter: /\\.js$/}, args => {
      const source = path.resolve(args.resolveDir, args.path).replace(/\\.js$/, '.ts');
      return fs.existsSync(source) ? {path: source} : undefined;
    });
  }}]});
"""
checks = Checks()


def prepare(folder):
    """The reader, or None where its parts cannot be had."""
    os.makedirs(folder)
    for name, text in (("reader.ts", READER), ("begin.js", BEGIN), ("bundle.mjs", BUNDLER)):
        with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    for command in (["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", *PACKAGES],
                    ["node", "bundle.mjs"]):
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=600, check=False,
                              env=dict(clean_environment(), HOME=folder))
        if done.returncode != 0:
            print(f"{' '.join(command[:2])}: {done.stderr.decode()[-400:]}")
            return None
    return f"{folder}/reader.mjs"


def read(reader, *files):
    done = subprocess.run(["node", "--max-old-space-size=4096", reader, *files], timeout=600,
                          capture_output=True, check=False)
    checks.equal("the loader's status", 0, done.returncode)
    return json.loads(done.stdout)


def export(recording, instant):
    path = f"{SCRATCH}/{instant}.heapsnapshot"
    checks.equal("export", 0, seep("export", "--format=heapsnapshot", "-o", path,
                                   f"{recording.path}@snapshot:{instant}").returncode)
    return path


def graph_of(recording):
    return json.loads(seep("graph", "--json", "--limit=0", recording.path).stdout)["processes"][0]


def check_sizes(reader, program):
    recording = record([program])
    process = graph_of(recording)
    found = read(reader, export(recording, process["snapshot"]))
    nodes = {node["name"]: node for node in found["nodes"]}
    checks.equal(f"{program}: all bytes", process["bytes"], found["total"])
    for root in process["roots"]:
        place = os.path.basename(root["module"] or "")
        is_told = not place or root["name"].endswith(f" of {place}")
        checks.equal(f"{program}: {root['name']}", root["retained_bytes"],
                     nodes[root["name"] + ("" if is_told else f" in {place}")]["retained"])
    return nodes


def check_comparison(reader):
    """Before the destructors and after them: all that the containers held is gone."""
    recording = record([target("typed_cxx")])
    wanted = {row["name"]: (0, row["blocks"], 0, row["bytes"]) for row in graph_of(recording)["types"]}
    rows = {row[0]: tuple(row[1:]) for row in
            read(reader, export(recording, 0), export(recording, 1))["rows"]}
    for name in ("std::map<int, std::string> node", "std::list<app::Session> node",
                 "std::deque<double> chunk", "std::unordered_map<long int, app::Session> node"):
        checks.equal(f"gone: {name}", wanted[name], rows.get(name))


def main():
    if not IS_LONG:
        print("fetches 90 MB: SEEP_LONG_TESTS=1 runs it")
        return 77
    if not shutil.which("npm"):
        print("there is no npm")
        return 77
    reader = prepare(f"{SCRATCH}/devtools")
    if not reader:
        print("DevTools' loader cannot be had here")
        return 77
    nodes = check_sizes(reader, f"{BUILD}/examples/demo")
    checks.true("retainers", ["sessions in demo", "sessions"] in nodes["Session"]["retainers"] or
                nodes["Session"]["retainers"][0][0] in ("Session", "sessions in demo"),
                str(nodes["Session"]["retainers"]))
    check_sizes(reader, target("typed"))
    check_sizes(reader, target("typed_cxx"))
    check_comparison(reader)
    checks.finish()
    return 0


sys.exit(main())
