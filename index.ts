//! The public API.

export type {
  AdamwConfig,
  BlvnetTamSpec,
  ColorJitter,
  DecodeOptions,
  Device,
  EvalConfig,
  FastOnlySpec,
  ListConfig,
  ListFormat,
  LoopConfig,
  Modality,
  ModelSpec,
  MultiScale,
  OnError,
  PredictOptions,
  Preprocess,
  R2plus1dSpec,
  R3dSpec,
  RandAugment,
  RandomErasing,
  ResnetDepth,
  Sampling,
  SamplingManner,
  ScheduleConfig,
  SgdConfig,
  SlowFastSpec,
  SlowFastVariant,
  SlowOnlySpec,
  TestViews,
  TinSpec,
  TrainConfig,
  TrainCrop,
  TsmSpec,
  TsnSpec,
  WeightSource,
} from './lib/config.js'
export { convert, type ConvertOptions, type ConvertReport } from './lib/convert.js'
export { ERROR_CODES, TimeweaveError, type ErrorCode } from './lib/errors.js'
export { evaluate } from './lib/evaluate.js'
export { createModel, listModels, loadModel, type CreateModelOptions, type LoadModelOptions, type Model } from './lib/model.js'
export { ops } from './lib/ops.js'
export type {
  ClassResult,
  ClassScore,
  EpochFigures,
  EvalEvent,
  EvalResult,
  Frame,
  InterlaceState,
  LoadReport,
  ModelInfo,
  ParameterInfo,
  Prediction,
  PredictionFailure,
  RunCheckpoint,
  SkippedSample,
  Tensor,
  TrainEvent,
  TrainResult,
  VideoInput,
} from './lib/results.js'
export type { Run, RunOptions } from './lib/run.js'
export { train } from './lib/train.js'
