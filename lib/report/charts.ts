//! Plots as SVG text, drawn by ECharts without a DOM. The only file that knows ECharts; the build bundles it.
//!
//! Colours are CSS expressions (`var(--ink)`), so that one plot serves the light and the dark page.

import { CustomChart, LineChart, ScatterChart } from 'echarts/charts'
import { GridComponent, MarkLineComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'

use([CustomChart, GridComponent, LineChart, MarkLineComponent, ScatterChart, SVGRenderer])

/** Size of a drawing in its own pixels; the page scales it to its column. */
export interface Size {
  readonly width: number
  readonly height: number
}

/** A line of a plot. */
export interface Line {
  readonly name: string
  /** A CSS colour. */
  readonly color: string
  readonly symbol: 'circle' | 'rect' | 'triangle' | 'diamond' | 'none'
  /** @default false */
  readonly dashed?: boolean
  readonly points: readonly (readonly [x: number, y: number])[]
}

/** What a line plot shows. */
export interface LinePlot extends Size {
  /** What a reader who cannot see the plot is told. */
  readonly description: string
  readonly lines: readonly Line[]
  readonly x: string
  readonly y: { readonly name: string; readonly format: 'percent' | 'number'; readonly max?: number }
  /** A level to compare with, such as chance. */
  readonly reference?: { readonly value: number; readonly label: string }
}

/** A cell of a matrix. */
export interface Cell {
  /** The figure that is printed. */
  readonly text: string
  /** A CSS colour. */
  readonly color: string
  /** How strongly the cell is tinted, 0..1. */
  readonly tint: number
}

/** What a matrix of cells shows. */
export interface CellPlot extends Size {
  readonly description: string
  readonly rows: readonly string[]
  readonly columns: readonly string[]
  readonly x: string
  readonly y: string
  /** `cells[row][column]` */
  readonly cells: readonly (readonly Cell[])[]
}

/** What a plot of marks along rows shows. */
export interface MarkPlot extends Size {
  readonly description: string
  readonly rows: readonly string[]
  readonly x: { readonly name: string; readonly min: number; readonly max: number }
  readonly marks: readonly {
    readonly name: string
    readonly color: string
    readonly symbol: 'circle' | 'rect' | 'triangle' | 'diamond'
    /** @default false */
    readonly hollow?: boolean
    /** One value per row. */
    readonly values: readonly number[]
  }[]
  readonly references: readonly { readonly value: number; readonly label: string }[]
}

type Option = Parameters<ReturnType<typeof init>['setOption']>[0]

// ECharts prints styles into double quotes without escaping them, so no name with a space may stand here.
const FONT = 'system-ui, sans-serif'
const TEXT = { color: 'var(--muted)', fontFamily: FONT, fontSize: 12 }

function axis(name: string, gap: number): object {
  return {
    name,
    nameLocation: 'middle',
    nameGap: gap,
    nameTextStyle: TEXT,
    axisLabel: TEXT,
    axisLine: { lineStyle: { color: 'var(--rule)' } },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: 'var(--rule)', opacity: 0.7 } },
  }
}

/** The SVG without fixed pixel sides and with its description, so that it scales and can be read aloud. */
function draw({ width, height, description }: Size & { description: string }, option: Option): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height })
  try {
    chart.setOption({ animation: false, backgroundColor: 'transparent', textStyle: { fontFamily: FONT }, ...option })
    const label = description.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;')
    return (
      chart
        .renderToSVGString()
        .replace(/^<svg [^>]*?(xmlns="[^"]*").*?(viewBox="[^"]*")[^>]*>/s, `<svg role="img" aria-label="${label}" $1 $2>`)
        .replace(/<rect width="\d+" height="\d+" x="0" y="0" fill="(none|transparent)"[^>]*><\/rect>/, '')
        // What only a script in the page would use: hover styles, whose names repeat between plots, and series numbers.
        .replace(/<style[^>]*>.*?<\/style>/gs, '')
        // Clip paths have ids that repeat between plots, and nothing lies outside the axes.
        .replace(/<defs\s*>.*?<\/defs>/gs, '')
        .replace(/ (?:class|clip-path|ecmeta_\w+|pointer-events)="[^"]*"/g, '')
        .replace(/\n+/g, '')
    )
  } finally {
    chart.dispose()
  }
}

function markLine(references: readonly { readonly label: string; readonly at: object }[], position: 'start' | 'insideStartTop'): object {
  return {
    silent: true,
    symbol: 'none',
    lineStyle: { color: 'var(--muted)', type: [2, 3], width: 1.5 },
    data: references.map(({ label, at }) => ({ ...at, label: { ...TEXT, formatter: label, position } })),
  }
}

/** Lines over epochs. */
export function linePlot(plot: LinePlot): string {
  const format = plot.y.format === 'percent' ? (value: number) => `${Math.round(value * 100)} %` : undefined
  return draw(plot, {
    grid: { left: 56, right: 18, top: 14, bottom: 44 },
    xAxis: { ...axis(plot.x, 28), type: 'value', minInterval: 1, min: 0, max: 'dataMax', splitLine: { show: false } },
    yAxis: {
      ...axis(plot.y.name, 42),
      type: 'value',
      min: 0,
      ...(plot.y.max === undefined ? {} : { max: plot.y.max }),
      axisLabel: { ...TEXT, ...(format === undefined ? {} : { formatter: format }) },
    },
    series: plot.lines.map((line, index) => ({
      type: 'line',
      name: line.name,
      silent: true,
      data: line.points.map(([x, y]) => [x, y]),
      symbol: line.symbol,
      symbolSize: 7,
      showAllSymbol: true,
      itemStyle: { color: line.color },
      lineStyle: { color: line.color, width: line.dashed === true ? 1.5 : 2.25, type: line.dashed === true ? [5, 4] : 'solid' },
      ...(index === 0 && plot.reference !== undefined
        ? { markLine: markLine([{ label: plot.reference.label, at: { yAxis: plot.reference.value } }], 'insideStartTop') }
        : {}),
    })),
  })
}

/** A matrix with a figure in every cell. */
export function cellPlot(plot: CellPlot): string {
  const flat = plot.cells.flatMap((row, y) => row.map((_, x) => [x, y]))
  return draw(plot, {
    grid: { left: 84, right: 8, top: 8, bottom: 52 },
    xAxis: { ...axis(plot.x, 32), type: 'category', data: [...plot.columns], splitLine: { show: false }, axisLine: { show: false } },
    yAxis: {
      ...axis(plot.y, 66),
      type: 'category',
      data: [...plot.rows],
      inverse: true,
      splitLine: { show: false },
      axisLine: { show: false },
    },
    series: [
      {
        type: 'custom',
        silent: true,
        data: flat,
        renderItem: (_: unknown, api: { value(i: number): unknown; coord(at: number[]): number[]; size(by: number[]): number[] }) => {
          const [column, row] = [Number(api.value(0)), Number(api.value(1))]
          const [x = 0, y = 0] = api.coord([column, row])
          const [width = 0, height = 0] = api.size([1, 1])
          const { text, tint, color } = plot.cells[row]?.[column] ?? { text: '', tint: 0, color: 'var(--cell)' }
          const share = Math.round(Math.min(Math.max(tint, 0), 1) * 100)
          return {
            type: 'group',
            children: [
              {
                type: 'rect',
                shape: { x: x - width / 2 + 1, y: y - height / 2 + 1, width: width - 2, height: height - 2, r: 3 },
                style: { fill: `color-mix(in srgb, ${color} ${share}%, var(--cell))` },
              },
              {
                type: 'text',
                style: {
                  text,
                  x,
                  y,
                  align: 'center',
                  verticalAlign: 'middle',
                  fill: share > 55 ? 'var(--on-strong)' : 'var(--ink)',
                  fontSize: 13,
                  fontFamily: FONT,
                },
              },
            ],
          }
        },
      },
    ],
  })
}

/** Values of several kinds along the rows of a table, such as one row per layer. */
export function markPlot(plot: MarkPlot): string {
  return draw(plot, {
    grid: { left: 92, right: 14, top: 26, bottom: 44 },
    xAxis: { ...axis(plot.x.name, 28), type: 'value', min: plot.x.min, max: plot.x.max, axisLine: { show: false } },
    yAxis: {
      ...axis('', 0),
      type: 'category',
      data: [...plot.rows],
      inverse: true,
      splitLine: { show: true, lineStyle: { color: 'var(--rule)', opacity: 0.5 } },
    },
    series: plot.marks.map((mark, index) => ({
      type: 'scatter',
      name: mark.name,
      silent: true,
      symbol: mark.symbol,
      symbolSize: 10,
      data: mark.values.map((value, row) => [value, row]),
      itemStyle: {
        opacity: 1,
        ...(mark.hollow === true ? { color: 'var(--panel)', borderColor: mark.color, borderWidth: 2 } : { color: mark.color }),
      },
      ...(index === 0
        ? {
            markLine: markLine(
              plot.references.map(({ value, label }) => ({ label, at: { xAxis: value } })),
              'start',
            ),
          }
        : {}),
    })),
  })
}
