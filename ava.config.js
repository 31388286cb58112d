export default {
  extensions: { ts: 'module' },
  nodeArguments: ['--import=@oxc-node/core/register'],
  files: ['__test__/**/*.spec.ts'],
  timeout: '2m',
  // Every file that touches the addon loads libtorch and trains on all cores: two at once are slower than one.
  concurrency: 1,
}
