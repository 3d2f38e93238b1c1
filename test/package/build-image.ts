/**
 * Carries out a Dockerfile without a container engine: each stage is a folder that stands for `/`, COPY honours
 * .dockerignore, and RUN runs there. The base image is this machine: what it has and the image has not is not found.
 */
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join, posix, relative } from 'node:path'
import { promisify } from 'node:util'
import dockerignore from '@balena/dockerignore'
import {
  type Copy,
  type Dockerfile,
  DockerfileParser,
  type Env,
  type From,
  type Instruction,
  type JSONInstruction,
} from 'dockerfile-ast'

export interface Image {
  /** The folder that stands for `/`. */
  readonly root: string
  readonly workingDirectory: string
  readonly environment: Readonly<Record<string, string>>
  readonly user: string
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
}

/** Folders that steps name by their whole path, which becomes one below the stage's own. */
const ownFolders = ['/app', '/usr/local/bin']

/** @param folder empty; gets a folder for each stage @returns the last stage */
export async function buildImage(context: string, folder: string): Promise<Image> {
  const { dockerfile, isIgnored } = readContext(context)
  const stages = new Map<string, Image>()
  let stage = ''
  for (const instruction of dockerfile.getInstructions()) {
    if (instruction.getKeyword() === 'FROM') {
      stage = (instruction as From).getBuildStage()!
      stages.set(stage, emptyImage(join(folder, stage)))
    } else {
      stages.set(stage, await carryOut(instruction, stages.get(stage)!, { context, stages, isIgnored }))
    }
  }
  return stages.get(stage)!
}

function emptyImage(root: string): Image {
  for (const own of ownFolders) mkdirSync(join(root, own), { recursive: true })
  return { root, workingDirectory: '/', environment: {}, user: 'root', entrypoint: [], command: [] }
}

interface Build {
  readonly context: string
  readonly stages: ReadonlyMap<string, Image>
  readonly isIgnored: (path: string) => boolean
}

async function carryOut(instruction: Instruction, image: Image, build: Build): Promise<Image> {
  const text = instruction.getArgumentsContent() ?? ''
  switch (instruction.getKeyword()) {
    case 'WORKDIR':
      mkdirSync(join(image.root, text), { recursive: true })
      return { ...image, workingDirectory: text }
    case 'ENV': {
      const properties = (instruction as Env)
        .getProperties()
        .map((property) => [property.getName(), property.getValue()])
      return { ...image, environment: { ...image.environment, ...Object.fromEntries(properties) } }
    }
    case 'USER':
      return { ...image, user: text }
    case 'ENTRYPOINT':
      return { ...image, entrypoint: jsonStrings(instruction) }
    case 'CMD':
      return { ...image, command: jsonStrings(instruction) }
    case 'COPY':
      copy(instruction as Copy, image, build)
      return image
    case 'RUN':
      await run(text, image)
      return image
    default:
      throw new Error(`${instruction.getKeyword()}: this stand-in for a builder does not know it`)
  }
}

function jsonStrings(instruction: Instruction): string[] {
  return (instruction as JSONInstruction).getJSONStrings().map((argument) => argument.getJSONValue())
}

/** Of a folder its content, of a file the file; what .dockerignore names is not there for the builder. */
function copy(instruction: Copy, { root, workingDirectory }: Image, { context, stages, isIgnored }: Build): void {
  const from = instruction.getFromFlag()?.getValue() ?? undefined
  const paths = instruction.getArguments().map((argument) => argument.getValue())
  const target = paths.at(-1)!
  const place = join(root, posix.resolve(workingDirectory, target))
  for (const source of paths.slice(0, -1)) {
    const origin = join(from === undefined ? context : stages.get(from)!.root, source)
    const isThere = from !== undefined || !isIgnored(source)
    if (!isThere || !existsSync(origin)) throw new Error(`COPY ${source}: the builder does not see it`)
    const isInto = target.endsWith('/') || target === '.' || target === './'
    const destination = statSync(origin).isFile() && isInto ? join(place, basename(source)) : place
    cpSync(origin, destination, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => from !== undefined || path === origin || !isIgnored(relative(context, path)),
    })
  }
}

/** What COPY instructions take of the context and the builder would not see: not there, or named by .dockerignore. */
export function unseenSources(context: string): string[] {
  const { dockerfile, isIgnored } = readContext(context)
  return dockerfile
    .getCOPYs()
    .filter((instruction) => instruction.getFromFlag() === null)
    .flatMap((instruction) => instruction.getArguments().slice(0, -1))
    .map((argument) => argument.getValue())
    .filter((source) => isIgnored(source) || !existsSync(join(context, source)))
}

function readContext(context: string): { dockerfile: Dockerfile; isIgnored: (path: string) => boolean } {
  const textOf = (name: string) => readFileSync(join(context, name), 'utf8')
  const ignore = dockerignore.default().add(textOf('.dockerignore').split('\n'))
  return { dockerfile: DockerfileParser.parse(textOf('Dockerfile')), isIgnored: (path) => ignore.ignores(path) }
}

async function run(command: string, image: Image): Promise<void> {
  const own = new RegExp(`(?<=^|[\\s=:'"])(?=(?:${ownFolders.join('|')})(?:/|\\s|$))`, 'g')
  await promisify(execFile)('/bin/sh', ['-c', command.replaceAll(own, image.root)], {
    cwd: join(image.root, image.workingDirectory),
    env: environmentOf(image),
    maxBuffer: 1e8,
  })
}

/** Nothing of this process but where programs and the package registry are. */
export function environmentOf({ root, environment }: Image): Record<string, string> {
  const given = Object.entries(process.env).filter(([name]) =>
    /^(HOME|npm_config_registry|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE)$|_proxy$/i.test(name),
  )
  return {
    ...(Object.fromEntries(given) as Record<string, string>),
    PATH: `${join(root, 'usr/local/bin')}:${process.env.PATH}`,
    // What this machine has downloaded already is not fetched again.
    npm_config_prefer_offline: 'true',
    ...environment,
  }
}

/** Every file and folder below. */
export function listing(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
}
