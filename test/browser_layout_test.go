//go:build browser

package test

import (
	"github.com/chromedp/chromedp"
)

// misplaced finds what a person sees at once and no rule of accessibility tells: texts that lie on each other, and parts that are cut off at
// the side. Of a page with an open dialog it looks at that.
const misplaced = `(() => {
	const root = document.querySelector("dialog[open]") ?? document.body, styles = new Map()
	const style = e => { if (!styles.has(e)) styles.set(e, getComputedStyle(e)); return styles.get(e) }
	const upwards = function* (e) { for (; e && e !== root.parentElement; e = e.parentElement) yield e }
	const found = [], texts = []
	const say = e => "<" + e.localName + (e.className ? " class=" + e.className : "") + "> " + e.textContent.trim().slice(0, 40)
	const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT)
	for (let node; node = walker.nextNode();) {
		const e = node.parentElement
		if (!node.data.trim() || e.closest("option, .hidden, script, style") || !e.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true })) continue
		const outer = [...upwards(e)]
		if (outer.some(a => a !== root && style(a).position === "fixed")) continue // it lies on the page on purpose
		const range = new Range()
		range.selectNodeContents(node)
		for (const { left, top, right, bottom } of range.getClientRects()) {
			const box = { e, node, left, top, right, bottom }
			for (const a of outer) {
				if (style(a).overflow === "visible") continue
				const clip = a.getBoundingClientRect()
				box.left = Math.max(box.left, clip.left)
				box.top = Math.max(box.top, clip.top)
				box.right = Math.min(box.right, clip.right)
				box.bottom = Math.min(box.bottom, clip.bottom)
			}
			if (box.right - box.left > 3 && box.bottom - box.top > 3) texts.push(box)
		}
	}
	texts.sort((a, b) => a.top - b.top)
	for (let i = 0; i < texts.length && found.length < 5; i++) {
		const a = texts[i]
		for (let j = i + 1; j < texts.length && texts[j].top < a.bottom; j++) {
			const b = texts[j], height = Math.min(a.bottom - a.top, b.bottom - b.top)
			const across = Math.min(a.right, b.right) - Math.max(a.left, b.left), down = Math.min(a.bottom, b.bottom) - b.top
			if (a.node !== b.node && across > 3 && down > 0.4 * height) found.push(say(a.e) + " lies on " + say(b.e))
		}
	}
	for (const e of [root, ...root.querySelectorAll("*")]) {
		if (e.scrollWidth <= e.clientWidth + 1 || style(e).overflowX === "visible" || !e.checkVisibility({ contentVisibilityAuto: true })) continue
		if (e.matches("input, textarea, select, pre, pre *, .scroll, .hidden") || style(e).textOverflow === "ellipsis") continue
		found.push(say(e) + " is cut off: " + e.scrollWidth + " pixels in " + e.clientWidth)
	}
	return found.slice(0, 8)
})()`

// fits checks that nothing on the page lies on something else or is cut off.
func (v *visitor) fits(name string) {
	v.t.Helper()
	for _, what := range ask(v, chromedp.Evaluate[[]string](misplaced)) {
		v.t.Errorf("%s: %s", name, what)
	}
}
