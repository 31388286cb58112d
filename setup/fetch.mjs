//! Fetches libtorch into the cache: the official archive, else the PyPI wheel by pip. Work happens in a `.partial` folder, which
//! becomes the real one by a rename when everything in it was verified, so that an interrupted fetch leaves nothing that looks complete.
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, statfsSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { capture, watch, which } from './child.mjs'
import { download } from './download.mjs'
import { inspectLibtorch, libtorchVersion, minorOf } from './libtorch.mjs'
import { cacheFolder } from './places.mjs'
import { SetupError, formatBytes } from './terminal.mjs'
import { findPython } from './tools.mjs'

/** @typedef {{ version: string, purpose: import('./libtorch.mjs').Purpose, reporter: import('./terminal.mjs').Reporter }} FetchOptions */

const PIP_PACKAGES = ['torch==2.13.0', 'nvidia-cuda-runtime==13.0.96', 'nvidia-cuda-cupti==13.0.85']
// The wheel's own file names; the CUDA libraries of the same wheel are two thirds of it and stay in the zip.
const WHEEL_RULES = [
  ['torch/lib/libtorch_cpu.so', 'lib/libtorch_cpu.so'],
  ['torch/lib/libc10.so', 'lib/libc10.so'],
  ['torch/lib/libgomp.so.1', 'lib/libgomp.so.1'],
  ['*/libcudart.so.13', 'lib/libcudart.so.13'],
  ['*/libcupti.so.13', 'lib/libcupti.so.13'],
  ['torch/include/*', 'include/*'],
]
const ARCHIVE_RULES = [['libtorch/*', '*']]
// pip takes a tag at its word and does not add the older ones that it implies.
const GLIBC_TAGS = ['manylinux2014', ...Array.from({ length: 12 }, (_, k) => `manylinux_2_${28 - k}`)]
const NEEDED_BYTES = 1.3e9
const UNPACK = `
import fnmatch, json, os, shutil, sys, zipfile
archive, folder, rules = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
with zipfile.ZipFile(archive) as source:
    chosen = []
    for info in source.infolist():
        for pattern, target in rules:
            if not info.is_dir() and fnmatch.fnmatchcase(info.filename, pattern):
                # A trailing star keeps what it matched.
                name = target[:-1] + info.filename[len(pattern) - 1:] if target.endswith('*') else target
                chosen.append((info, name))
                break
    total, done = sum(info.file_size for info, _ in chosen), 0
    for info, name in chosen:
        path = os.path.normpath(os.path.join(folder, name))
        if not path.startswith(os.path.join(os.path.normpath(folder), '')):
            sys.exit('refusing to unpack outside the folder: ' + info.filename)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with source.open(info) as data, open(path, 'wb') as out:
            shutil.copyfileobj(data, out, 1 << 20)
        done += info.file_size
        print(done, total, flush=True)
`

/**
 * @param {FetchOptions} options
 * @returns {Promise<string>} the finished folder
 */
export async function fetchLibtorch(options) {
  const { version, reporter, purpose } = options
  refusePlatform()
  const finished = join(cacheFolder(), 'libtorch', `${version}-cpu`)
  const partial = `${finished}.partial`
  mkdirSync(partial, { recursive: true })
  const release = takeLock(partial)
  try {
    requireSpace(partial)
    const tree = join(partial, 'tree')
    rmSync(tree, { recursive: true, force: true })
    mkdirSync(tree)
    await fillTree({ ...options, partial, tree })
    makeLinkStub(tree)
    // The archive brings its own; what pip was asked for is pinned.
    if (libtorchVersion(tree) === null) writeFileSync(join(tree, 'build-version'), `${version}\n`)
    const { reason } = inspectLibtorch(tree, { minor: minorOf(version), purpose })
    if (reason !== null) throw new SetupError(`the fetched libtorch is not whole: ${reason}`, { fix: 'npm run setup' })
    rmSync(finished, { recursive: true, force: true })
    renameSync(tree, finished)
  } finally {
    release()
  }
  rmSync(partial, { recursive: true, force: true })
  reporter.progress(`ready in ${finished}`)
  return finished
}

/** @param {FetchOptions & { partial: string, tree: string }} job */
async function fillTree(job) {
  const { version, reporter, partial, tree } = job
  const url = process.env.TIMEWEAVE_LIBTORCH_URL ?? officialArchive(version)
  try {
    const archive = join(partial, 'libtorch.zip')
    await download(url, archive, (done, total) => reporter.progress(`official archive, ${amount(done, total)}`))
    await unpack(archive, tree, ARCHIVE_RULES, reporter)
    return
  } catch (error) {
    if (process.env.TIMEWEAVE_LIBTORCH_URL) throw error
    reporter.note(
      `the official archive cannot be had here (${error instanceof Error ? error.message : String(error)}); taking the Python wheel`,
    )
  }
  for (const wheel of await downloadWheels(partial, reporter)) await unpack(wheel, tree, WHEEL_RULES, reporter)
}

/**
 * @param {string} partial
 * @param {import('./terminal.mjs').Reporter} reporter
 * @returns {Promise<string[]>} the wheels' paths
 */
async function downloadWheels(partial, reporter) {
  const python = findPython()
  if (!python) throw new SetupError('Python 3 with pip, which fetches libtorch where its own host cannot be reached, is missing')
  const wheels = join(partial, 'wheels')
  const scratch = join(partial, 'scratch')
  const files = []
  for (const requirement of PIP_PACKAGES) {
    const name = requirement.replace(/==/, '-').replaceAll('-', '_')
    const kept = () => (existsSync(wheels) ? readdirSync(wheels) : []).find((file) => file.replaceAll('-', '_').startsWith(name))
    // pip moves a wheel here when it has all of it, so one that is here is whole: a fetch goes on where it stopped.
    if (!kept()) {
      rmSync(scratch, { recursive: true, force: true })
      mkdirSync(scratch, { recursive: true })
      await pipDownload(python, requirement, wheels, scratch, reporter)
    }
    files.push(join(wheels, kept() ?? ''))
  }
  return files
}

/**
 * @param {string} python
 * @param {string} requirement
 * @param {string} wheels
 * @param {string} scratch pip's temporary folder: its growth is the progress, in every version of pip
 * @param {import('./terminal.mjs').Reporter} reporter
 */
async function pipDownload(python, requirement, wheels, scratch, reporter) {
  const name = requirement.split('==')[0]
  // Fixed tags: the wheel's libraries are the same for every Python, and this one may be too old or too new to be served.
  const platforms = GLIBC_TAGS.flatMap((tag) => ['--platform', `${tag}_x86_64`])
  const tags = [
    '--python-version',
    '3.12',
    '--implementation',
    'cp',
    '--abi',
    'cp312',
    '--abi',
    'none',
    '--only-binary=:all:',
    ...platforms,
  ]
  const args = [
    '-m',
    'pip',
    'download',
    '--no-cache-dir',
    '--no-deps',
    '--disable-pip-version-check',
    '--progress-bar',
    'off',
    ...tags,
    '-d',
    wheels,
    requirement,
  ]
  let total = ''
  const beat = setInterval(() => reporter.progress(`${name}, ${formatBytes(folderBytes(scratch))}${total ? ` of ${total}` : ''}`), 500)
  try {
    const { status, tail } = await watch(python, args, {
      env: { ...process.env, TMPDIR: scratch },
      onLine: (line) => (total = /Downloading .*\((.+)\)/.exec(line)?.[1] ?? total),
    })
    if (status !== 0) {
      throw new SetupError(`pip could not download ${requirement}`, {
        details: tail,
        fix: 'npm run setup   (it goes on where it stopped), or set LIBTORCH to an unpacked libtorch',
      })
    }
  } finally {
    clearInterval(beat)
  }
}

/**
 * @param {string} archive
 * @param {string} folder
 * @param {string[][]} rules pairs of a pattern in the archive and the name to write
 * @param {import('./terminal.mjs').Reporter} reporter
 */
async function unpack(archive, folder, rules, reporter) {
  const python = findPython()
  if (!python) throw new SetupError('Python 3, whose zipfile unpacks libtorch, is missing')
  const { status, tail } = await watch(python, ['-c', UNPACK, archive, folder, JSON.stringify(rules)], {
    onLine: (line) => {
      const [done, total] = line.split(' ').map(Number)
      if (done && total) reporter.progress(`unpacking ${basename(archive)}, ${amount(done, total)}`)
    },
  })
  if (status !== 0) {
    // What cannot be unpacked was damaged on the way; keeping it would fail again.
    rmSync(archive, { force: true })
    throw new SetupError(`${basename(archive)} could not be unpacked and was removed`, { details: tail, fix: 'npm run setup' })
  }
}

/**
 * tch links `-ltorch`; the wheel's own libtorch.so would drag in CUDA, so building gets an empty library that needs the CPU one.
 * @param {string} tree
 */
function makeLinkStub(tree) {
  const lib = join(tree, 'lib')
  const compiler = which('cc') ?? which('gcc') ?? which('clang')
  if (existsSync(join(lib, 'libtorch.so')) || !compiler) return
  const args = ['-shared', '-x', 'c', '/dev/null', '-Wl,-soname,libtorch.so', '-Wl,--no-as-needed', `-L${lib}`, '-ltorch_cpu']
  const { ok, stderr } = capture(compiler, [...args, '-o', join(lib, 'libtorch.so')])
  if (!ok) throw new SetupError('the C compiler could not link against libtorch_cpu', { details: stderr })
}

/** @param {string} version */
function officialArchive(version) {
  return `https://download.pytorch.org/libtorch/cpu/libtorch-shared-with-deps-${version}%2Bcpu.zip`
}

function refusePlatform() {
  if (process.platform === 'linux' && process.arch === 'x64') return
  throw new SetupError(`libtorch can be fetched for linux-x64 but this is ${process.platform}-${process.arch}`, {
    fix: 'export LIBTORCH=<folder of an unpacked libtorch 2.13>',
  })
}

/** @param {string} partial */
function requireSpace(partial) {
  const { bavail, bsize } = statfsSync(partial)
  const free = bavail * bsize + folderBytes(partial)
  if (free >= NEEDED_BYTES) return
  throw new SetupError(`expected ${formatBytes(NEEDED_BYTES)} of free space in ${dirname(partial)} but received ${formatBytes(free)}`, {
    fix: 'export TIMEWEAVE_HOME=<folder on a larger disk>',
  })
}

/**
 * @param {string} partial
 * @returns {() => void} gives the lock back
 */
function takeLock(partial) {
  const file = join(partial, 'pid')
  const holder = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0
  if (holder > 0 && holder !== process.pid && isAlive(holder)) {
    throw new SetupError(`another set-up (process ${holder}) is fetching into ${partial}`, { fix: 'npm run setup   (when it has ended)' })
  }
  writeFileSync(file, String(process.pid))
  return () => rmSync(file, { force: true })
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/**
 * @param {string} folder
 * @returns {number}
 */
function folderBytes(folder) {
  let bytes = 0
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    // A file may go while pip works; it then counts nothing.
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0
  }
  return bytes
}

/**
 * @param {number} done
 * @param {number} total
 */
function amount(done, total) {
  return total > 0 ? `${formatBytes(done)} of ${formatBytes(total)}` : formatBytes(done)
}
