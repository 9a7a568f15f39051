package transform

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// parse reads the text of one argument. The result has Set; ok is false if the text is not a value of the parameter.
func (p *Param) parse(s string) (v Value, ok bool) {
	v.Set = true
	if p.free() {
		v.Text, ok = p.read(s)
		return v, ok
	}
	s = strings.ToLower(s)
	switch p.Kind {
	case Integer:
		if i := slices.Index(p.Words, s); i >= 0 {
			v.X = wordValue(i)
			return v, true
		}
		v.X, ok = parseNumber(s, 0)
		return v, ok && p.inRange(&v.X)
	case Number:
		v.X, ok = parseNumber(s, 3)
		return v, ok && p.inRange(&v.X)
	case Length:
		if share, isPercent := strings.CutSuffix(s, "p"); isPercent {
			v.Percent = true
			v.X, ok = parseNumber(share, 3)
			return v, ok && math.Abs(v.X) <= 10000 && (v.X >= 0 || p.Min < 0)
		}
		v.X, ok = parseNumber(s, 0)
		return v, ok && p.inRange(&v.X)
	case Switch:
		v.X, ok = parseNumber(s, 0)
		return v, ok && (v.X == 0 || v.X == 1)
	case Word:
		if word, ok := p.Synonyms[s]; ok {
			s = word
		}
		i := slices.Index(p.Words, s)
		v.X = float64(i)
		return v, i >= 0
	case Words:
		set := 0
		for word := range strings.SplitSeq(s, ",") {
			i := slices.Index(p.Words, word)
			if i < 0 || set&(1<<i) != 0 {
				return v, false
			}
			set |= 1 << i
		}
		v.X = float64(set)
		return v, true
	case Flag:
		v.X = 1
		return v, s == p.Name
	case Color:
		c, ok := parseColor(s)
		v.X = c.pack()
		return v, ok && (c.A == 255 || !p.Opaque)
	case Point, Ratio:
		x, y, both := strings.Cut(s, "x")
		var okX, okY bool
		v.X, okX = parseNumber(x, 3)
		v.Y, okY = parseNumber(y, 3)
		return v, both && okX && okY && p.inRange(&v.X) && p.inRange(&v.Y)
	}
	return v, false
}

// wordValue is the number that stands for a word of an Integer, whose numbers are not negative.
func wordValue(i int) float64 { return float64(-1 - i) }

// parseNumber reads [-]digits[.digits] with at most six digits before the point and the given number after it. There is
// no plus sign, no exponent and no bare point.
func parseNumber(s string, decimals int) (float64, bool) {
	digits := strings.TrimPrefix(s, "-")
	whole, fraction, pointed := strings.Cut(digits, ".")
	if len(whole) < 1 || len(whole) > 6 || len(fraction) > decimals || pointed && fraction == "" {
		return 0, false
	}
	for i := 0; i < len(digits); i++ {
		if !isDigit(digits[i]) && digits[i] != '.' {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	return v + 0, err == nil // + 0 turns minus zero into zero
}

// inRange wraps v where the parameter says so and tells whether it is allowed.
func (p *Param) inRange(v *float64) bool {
	if p.Wrap > 0 {
		thousandths, turn := math.Round(*v*1000), p.Wrap*1000
		*v = math.Mod(math.Mod(thousandths, turn)+turn, turn) / 1000
		return true
	}
	if *v < p.Min || *v > p.Max {
		return false
	}
	return p.Step == 0 || math.Mod(math.Round(*v*1000), math.Round(p.Step*1000)) == 0
}

// append writes the canonical text of a value.
func (p *Param) append(dst []byte, v Value) []byte {
	switch p.Kind {
	case Integer:
		if len(p.Words) > 0 && v.X < 0 {
			return append(dst, p.Words[int(-1-v.X)]...)
		}
	case Word:
		return append(dst, p.Words[int(v.X)]...)
	case Words:
		return append(dst, strings.Join(p.wordsOf(v), ",")...)
	case Flag:
		return append(dst, p.Name...)
	case Color:
		return append(dst, unpackColor(v.X).String()...)
	case ID, Text, Name:
		return p.write(dst, v.Text)
	case Point, Ratio:
		dst = strconv.AppendFloat(dst, v.X, 'f', -1, 64)
		dst = append(dst, 'x')
		return strconv.AppendFloat(dst, v.Y, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, v.X, 'f', -1, 64)
	if v.Percent {
		dst = append(dst, 'p')
	}
	return dst
}

// wordsOf returns those of Words that a value has.
func (p *Param) wordsOf(v Value) (words []string) {
	for i, word := range p.Words {
		if int(v.X)&(1<<i) != 0 {
			words = append(words, word)
		}
	}
	return words
}

// fallback is the value of an argument that is left out.
func (p *Param) fallback() Value {
	if p.Default == "" {
		return Value{}
	}
	v, ok := p.parse(p.Default)
	if !ok {
		panic(fmt.Sprintf("transform: the default %q of %s is not one of its values", p.Default, p.Name))
	}
	v.Set = false
	return v
}

// normal returns v as unset if it is the default, so that equal calls are equal values.
func (p *Param) normal(v Value) Value {
	if unset := p.fallback(); p.Default != "" {
		if set := v; set.Set {
			set.Set = false
			if set == unset {
				return unset
			}
		}
	}
	return v
}

// Expected says in words what a value of the parameter is, to follow its name in a sentence.
func (p *Param) Expected() string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	between := fmt.Sprintf("from %s to %s", number(p.Min), number(p.Max))
	unit := ""
	if p.Unit != NoUnit {
		unit = " of " + string(p.Unit)
	}
	switch p.Kind {
	case Integer, Number:
		kind := "a whole number" + unit
		if p.Kind == Number {
			kind = "a number" + unit
		}
		text := "must be " + kind
		if p.Wrap == 0 {
			text += " " + between
		}
		if p.Step > 0 && p.Step != 1 {
			text += ", a multiple of " + number(p.Step)
		} else if p.Kind == Number {
			text += ", with at most three decimals"
		}
		if len(p.Words) > 0 {
			text += ", or " + oneOf(p.Words)
		}
		return text
	case Length:
		side := "width"
		if p.Axis == Vertical {
			side = "height"
		}
		return fmt.Sprintf("must be whole pixels %s, or percent of the picture's %s as in 12.5p", between, side)
	case Word:
		return "must be " + oneOf(p.Words)
	case Words:
		return "must be one or more of " + strings.Join(p.Words, ", ")
	case Flag:
		return "is a bare word"
	case Color:
		if p.Opaque {
			return "must be a color without transparency: 3 or 6 hexadecimal digits (red, green, blue) or a CSS name"
		}
		return "must be a color: 3, 4, 6 or 8 hexadecimal digits (red, green, blue, alpha) or a CSS name"
	case Point:
		return "must be two shares from 0 to 1 as in 0.3x0.7"
	case Ratio:
		return "must be a ratio as in 16x9"
	case ID:
		return "must be the id of an image"
	case Text:
		return fmt.Sprintf("must be text in base64url, as SGVsbG8 for Hello: UTF-8, not blank, at most %d bytes, newlines being the only control characters", maxText)
	case Name:
		return fmt.Sprintf("must be a word of at most %s letters, digits, hyphens and underscores that begins with a letter or a digit", number(p.Max))
	default:
		return "must be 1 or 0"
	}
}

// oneOf lists words for a sentence.
func oneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
