//! A network in memory: prediction, tensors in and out, weights.

import type { Device, ModelSpec, PredictOptions, WeightSource } from './config.js'
import { TimeweaveError, errorFromRecord, type ErrorRecord } from './errors.js'
import { checkTensor, isSingleInput, nativeInputs, pathOf } from './input.js'
import { awaitNative, callNative, type NativeModel } from './native.js'
import type {
  InterlaceState,
  LoadReport,
  ModelInfo,
  ModuleInfo,
  ParameterInfo,
  Prediction,
  PredictionFailure,
  Tensor,
  VideoInput,
} from './results.js'

/** How a fresh network is made. */
export interface CreateModelOptions {
  /** A checkpoint of ours or of another project, loaded strictly; {@link Model.loadReport} says what came of it. @default fresh weights */
  weights?: string | URL
  /** Whose names the file has. @default found in the names */
  from?: WeightSource
  /** Start with a fresh classifier where the file's does not fit. @default false */
  newClassifier?: boolean
  /** Fit the weights of a related network: an image network, another modality, no temporal modules, other frames. @default false */
  adapt?: boolean
  /** @default 'auto' */
  device?: Device
  /** Decides fresh weights. @default different every time */
  seed?: number
  /** Names of the classes. @default the numbers */
  classes?: string[]
}

/** How a checkpoint is loaded. */
export interface LoadModelOptions {
  /** The network, for a file without a model card, as those of other projects. @default from the card */
  spec?: ModelSpec
  /** Whose names the file has. @default found in the names */
  from?: WeightSource
  /** @default 'auto' */
  device?: Device
}

/** A network in memory. It holds native memory until {@link Model.dispose}. */
export class Model {
  /** What the network is, defaults filled in. */
  readonly spec: ModelSpec
  readonly info: ModelInfo
  /** Names of the classes, in the order of the logits. */
  readonly classes: readonly string[]
  /** What became of every weight when a file was loaded; null for fresh weights. */
  readonly loadReport: LoadReport | null
  readonly #native: NativeModel

  private constructor(model: NativeModel) {
    this.#native = model
    this.spec = JSON.parse(model.spec())
    this.info = JSON.parse(model.info())
    this.classes = model.classes()
    this.loadReport = JSON.parse(model.loadReport())
  }

  /** @internal The way from the native side to here. */
  static from(model: NativeModel): Model {
    return new Model(model)
  }

  /**
   * Names the action in videos.
   *
   * @param input one input, whose failure rejects, or an array, where a failure is an entry and the others go on
   * @returns one entry per input
   */
  async predict(input: VideoInput, options?: PredictOptions): Promise<Prediction[]>
  async predict(input: VideoInput | VideoInput[], options?: PredictOptions): Promise<(Prediction | PredictionFailure)[]>
  async predict(input: VideoInput | VideoInput[], options: PredictOptions = {}): Promise<(Prediction | PredictionFailure)[]> {
    const isSingle = isSingleInput(input)
    const { json, frames } = nativeInputs(isSingle ? [input] : input)
    const answer = await awaitNative(() => this.#native.predict(json, frames, JSON.stringify(options)))
    const records: (Prediction | { input: string; error: ErrorRecord })[] = JSON.parse(answer)
    return records.map((record) => {
      if (!('error' in record)) return record
      const error = errorFromRecord(record.error)
      if (isSingle) throw error
      return { input: record.input, error }
    })
  }

  /** Logits `[N, classes]` of a normalised clip `[N, T, C, H, W]`, in eval mode. */
  async forward(clip: Tensor): Promise<Tensor> {
    checkTensor('clip', clip)
    return awaitNative(() => this.#native.forward(clip.data, clip.shape))
  }

  /** Pooled features `[N, F]`, before the classifier, of a normalised clip `[N, T, C, H, W]`. */
  async features(clip: Tensor): Promise<Tensor> {
    checkTensor('clip', clip)
    return awaitNative(() => this.#native.features(clip.data, clip.shape))
  }

  /** What TIN's nets learnt, by block, averaged over the videos; empty for other networks. */
  async interlaceState(inputs: VideoInput[]): Promise<InterlaceState[]> {
    const { json, frames } = nativeInputs(inputs)
    if (frames.length > 0) throw new TimeweaveError('INPUT_INVALID', 'expected paths for inputs but received decoded frames')
    return JSON.parse(await awaitNative(() => this.#native.interlaceState(json)))
  }

  /** Every weight and buffer. */
  parameters(): ParameterInfo[] {
    return JSON.parse(callNative(() => this.#native.parameters()))
  }

  /** Writes weights and model card as safetensors. */
  async save(path: string | URL): Promise<void> {
    await awaitNative(() => this.#native.save(pathOf(path)))
  }

  /** Gives the memory back. Calling it again does nothing; any other call then fails with code `DISPOSED`. */
  dispose(): void {
    this.#native.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

/** A network by its description, with fresh weights or those of a file. */
export async function createModel(spec: ModelSpec, options: CreateModelOptions = {}): Promise<Model> {
  const weights = options.weights === undefined ? {} : { weights: pathOf(options.weights) }
  return Model.from(await awaitNative((binding) => binding.createModel(JSON.stringify(spec), JSON.stringify({ ...options, ...weights }))))
}

/** A network from a checkpoint; its card says what it is. */
export async function loadModel(checkpoint: string | URL, options: LoadModelOptions = {}): Promise<Model> {
  return Model.from(await awaitNative((binding) => binding.loadModel(pathOf(checkpoint), JSON.stringify(options))))
}

/**
 * What each module of a network costs, in the order of the forward pass; the figures add up to those of the network.
 *
 * @param network a description, or the `id` of one of {@link listModels}
 */
export function modelModules(network: ModelSpec | string): ModuleInfo[] {
  return JSON.parse(callNative((binding) => binding.modelModules(JSON.stringify(network))))
}

/** Every architecture in every depth. */
export function listModels(): ModelInfo[] {
  return JSON.parse(callNative((binding) => binding.listModels()))
}
