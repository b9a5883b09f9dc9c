//go:build !(js && wasm)

package main

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
)

// style makes a chart readable on a light and on a dark page.
const style = `<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 15px }
.faint { fill: #59636e }
.bar { fill: #afb8c1 } .ours { fill: #0969da } .floor { fill: none; stroke: #8c959f }
.line { fill: none; stroke: #8c959f; stroke-width: 2 } .line.ours { stroke: #0969da; stroke-width: 3; fill: none } .line.floor { stroke-dasharray: 4 4 }
.range { stroke: #1f2328; stroke-width: 1 } .grid { stroke: #d1d9e0; stroke-width: 1 }
@media (prefers-color-scheme: dark) {
	text { fill: #f0f6fc } .faint { fill: #9198a1 }
	.bar { fill: #656c76 } .ours { fill: #4493f8 } .line.ours { stroke: #4493f8 }
	.range { stroke: #f0f6fc } .grid { stroke: #3d444d }
}
</style>`

type drawing struct{ strings.Builder }

func (d *drawing) text(x, y float64, class, anchor, text string) {
	fmt.Fprintf(d, `<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">`, x, y, class, anchor)
	xml.EscapeText(d, []byte(text))
	d.WriteString("</text>\n")
}

func (d *drawing) write(path, title string, width, height float64) error {
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img"><title>`, width, height, width, height)
	xml.EscapeText(&out, []byte(title))
	out.WriteString("</title>\n" + style + "\n" + d.String() + "</svg>\n")
	return os.WriteFile(path, []byte(out.String()), 0o666)
}

// A bar is one value with the range that it was seen in, if that is not empty.
type bar struct {
	label            string
	value, low, high float64
	text             string
	class            string // bar, ours or floor
}

const (
	chartWidth = 760.0
	labels     = 235.0 // where bars begin
	bars       = 410.0 // how long they can be
	row        = 26.0
)

// drawBars draws horizontal bars, on a logarithmic scale from least if that is
// not 0.
func drawBars(path, title string, least float64, all []bar) error {
	note := "median; the line is the range"
	if least > 0 {
		note = "logarithmic scale"
	}
	return drawRows(path, title, note, least, 0, all)
}

// drawShares draws bars of percentages.
func drawShares(path, title string, all []bar) error {
	return drawRows(path, title, "strict detection of reuse", 0, 100, all)
}

func drawRows(path, title, note string, least, top float64, all []bar) error {
	all = slices.DeleteFunc(slices.Clone(all), func(b bar) bool { return math.IsNaN(b.value) })
	for _, b := range all {
		top = max(top, b.value, b.high)
	}
	if top == 0 {
		top = 1
	}
	at := func(v float64) float64 {
		if least > 0 {
			return bars * max(0, math.Log(v/least)/math.Log(top/least))
		}
		return bars * v / top
	}
	var d drawing
	d.text(8, 22, "title", "start", title)
	y := 40.0
	for _, b := range all {
		d.text(labels-8, y+15, "", "end", b.label)
		fmt.Fprintf(&d, `<rect x="%.1f" y="%.1f" width="%.1f" height="16" rx="2" class="%s"/>`+"\n", labels, y+2, max(1, at(b.value)), b.class)
		end := at(b.value)
		if b.high > b.low {
			fmt.Fprintf(&d, `<path d="M%.1f %.1fH%.1f" class="range"/>`+"\n", labels+at(b.low), y+10, labels+at(b.high))
			end = max(end, at(b.high))
		}
		d.text(labels+end+6, y+15, "", "start", b.text)
		y += row
	}
	d.text(8, y+14, "faint", "start", note)
	return d.write(path, title, chartWidth, y+24)
}

// A series is a line.
type series struct {
	label  string
	class  string
	values []float64 // NaN for none
}

// drawLines draws values over columns that are equally far apart.
func drawLines(path, title string, columns []string, all []series) error {
	const left, height, top = 60.0, 280.0, 44.0
	right := chartWidth - 215
	highest := 0.0
	for _, s := range all {
		for _, v := range s.values {
			if !math.IsNaN(v) {
				highest = max(highest, v)
			}
		}
	}
	step := niceStep(highest / 5)
	highest = step * math.Ceil(highest/step)
	x := func(i int) float64 { return left + (right-left)*float64(i)/float64(max(1, len(columns)-1)) }
	y := func(v float64) float64 { return top + height*(1-v/highest) }
	var d drawing
	d.text(8, 22, "title", "start", title)
	for v := 0.0; v <= highest+step/2; v += step {
		fmt.Fprintf(&d, `<path d="M%.1f %.1fH%.1f" class="grid"/>`+"\n", left, y(v), right)
		d.text(left-6, y(v)+4, "faint", "end", fmt.Sprintf("%g", v))
	}
	for i, c := range columns {
		d.text(x(i), top+height+20, "faint", "middle", c)
	}
	type end struct {
		y float64
		s series
	}
	var ends []end
	for _, s := range all {
		var points []string
		last := -1
		for i, v := range s.values {
			if !math.IsNaN(v) {
				points = append(points, fmt.Sprintf("%.1f,%.1f", x(i), y(v)))
				last = i
			}
		}
		if last < 0 {
			continue
		}
		fmt.Fprintf(&d, `<polyline points="%s" class="line %s"/>`+"\n", strings.Join(points, " "), s.class)
		ends = append(ends, end{y(s.values[last]), s})
	}
	slices.SortFunc(ends, func(a, b end) int { return cmp.Compare(b.y, a.y) })
	below := math.Inf(1)
	for _, e := range ends { // from the lowest up, so that none covers another
		at := min(e.y+4, below-15)
		below = at
		d.text(right+8, at, "", "start", e.s.label)
	}
	return d.write(path, title, chartWidth, top+height+34)
}

// niceStep returns 1, 2 or 5 times a power of ten, at least as large as v.
func niceStep(v float64) float64 {
	if v <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= v {
			return m * power
		}
	}
	return 10 * power
}
