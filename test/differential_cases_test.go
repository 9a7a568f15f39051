//go:build differential

package test

import (
	"slices"
	"strings"
)

func magick(arguments string) reference { return reference{magick: arguments} }

func formula(f func(in raster) raster) reference { return reference{formula: f} }

// comparisons are what each operation is held against. Every operation has one at least. The bounds are a little above what is seen on
// the corpus.
var comparisons = slices.Concat(geometry, colors, overlays)

var geometry = []comparison{
	{"/crop:{w/3},{h/4},{w/2},{h/2}", magick("-crop {w/2}x{h/2}+{w/3}+{h/4} +repage"), exact},
	{"/crop:{w/2},{h/2},{w},{h}", magick("-crop {w}x{h}+{w/2}+{h/2} +repage"), exact},
	{"/crop:{-((w+1)/2)},{-((h+2)/3)},0,0", magick("-gravity SouthEast -crop {(w+1)/2}x{(h+2)/3}+0+0 +repage"), exact},
	{"/crop:{-w-3},{-h-1},{w},{h}", magick("-crop {w-3}x{h-1}+0+0 +repage"), exact},
	{"/crop:25p,10p,50p,40p", magick("-crop {max(1,(w+1)/2)}x{max(1,(4*h+5)/10)}+{max(1,(w+2)/4)}+{max(1,(h+5)/10)} +repage"), exact},
	{"/crop:{(w+1)/2},{(h+2)/3},northwest", magick("-gravity NorthWest -crop {(w+1)/2}x{(h+2)/3}+0+0 +repage"), exact},
	{"/crop:{(w+1)/2},{(h+2)/3},northeast", magick("-gravity NorthEast -crop {(w+1)/2}x{(h+2)/3}+0+0 +repage"), exact},
	{"/crop:{(w+1)/2},{(h+2)/3},southwest", magick("-gravity SouthWest -crop {(w+1)/2}x{(h+2)/3}+0+0 +repage"), exact},
	{"/crop:{(w+1)/2},{(h+2)/3},southeast", magick("-gravity SouthEast -crop {(w+1)/2}x{(h+2)/3}+0+0 +repage"), exact},
	{"/crop:{(w+1)/2},{(h+2)/3}", magick("-crop {(w+1)/2}x{(h+2)/3}+{(w-(w+1)/2)/2}+{(h-(h+2)/3)/2} +repage"), exact},
	{"/crop:{(w+1)/2},0,east", magick("-gravity East -crop {(w+1)/2}x{h}+0+0 +repage"), exact},
	{"/crop:0,{(h+2)/3},south,dy={-h/5}", magick("-gravity South -crop {w}x{(h+2)/3}+0+{h/5} +repage"), exact},
	{"/crop:{(w+1)/2},{(h+2)/3},west,dx={w/7}", magick("-crop {(w+1)/2}x{(h+2)/3}+{w/7}+{(h-(h+2)/3)/2} +repage"), exact},
	{"/crop:{(w+1)/2},{(h+2)/3},fp=0x1", magick("-gravity SouthWest -crop {(w+1)/2}x{(h+2)/3}+0+0 +repage"), exact},
	{"/crop:ar={w}x{(h+1)/2},north", magick("-gravity North -crop {w}x{(h+1)/2}+0+0 +repage"), exact},
	{"/crop:ar={(w+1)/2}x{h},east", magick("-gravity East -crop {(w+1)/2}x{h}+0+0 +repage"), exact},
	{"/crop:{(w+1)/2},{(h+2)/3},smart", reference{accepts: isPartOf(part)}, exact},
	{"/crop:{(w+1)/2},{(h+2)/3},entropy", reference{accepts: isPartOf(part)}, exact},

	{"/flip:h", magick("-flop"), exact},
	{"/flip:v", magick("-flip"), exact},
	{"/flip:hv", magick("-flip -flop"), exact},
	{"/rotate:90", magick("-rotate 90"), exact},
	{"/rotate:180", magick("-rotate 180"), exact},
	{"/rotate:-90", magick("-rotate 270"), exact},
	{"/orient:1", magick("-orient TopLeft -auto-orient"), exact},
	{"/orient:2", magick("-orient TopRight -auto-orient"), exact},
	{"/orient:3", magick("-orient BottomRight -auto-orient"), exact},
	{"/orient:4", magick("-orient BottomLeft -auto-orient"), exact},
	{"/orient:5", magick("-orient LeftTop -auto-orient"), exact},
	{"/orient:6", magick("-orient RightTop -auto-orient"), exact},
	{"/orient:7", magick("-orient RightBottom -auto-orient"), exact},
	{"/orient:8", magick("-orient LeftBottom -auto-orient"), exact},

	{"/pad:5", magick("-compose Copy -background none -extent {w+10}x{h+10}-5-5"), exact},
	{"/pad:3,7,bg=ff8000", magick("-compose Copy -background #ff8000 -extent {w+14}x{h+6}-7-3"), exact},
	{"/pad:1,2,4,bg=gray", magick("-compose Copy -background #808080 -extent {w+4}x{h+5}-2-1"), exact},
	{"/pad:1,2,4,8,bg=0080ff80", magick("-compose Copy -background #0080ff80 -extent {w+10}x{h+5}-8-1"), exact},
	{"/pad:6,9,fill=edge", magick("-virtual-pixel Edge -filter Point -set option:distort:viewport {w+18}x{h+12}-9-6 -distort SRT 0 +repage"), exact},
	{"/pad:{h/2},{w/2},fill=mirror", magick("-virtual-pixel Mirror -filter Point -set option:distort:viewport {w+w/2*2}x{h+h/2*2}-{w/2}-{h/2} -distort SRT 0 +repage"), exact},
	// The copy is enlarged by a bilinear kernel whose edges the two sides treat in their own ways, and is much less sharp than that.
	{"/pad:20,30,fill=blur", magick("( +clone -filter Triangle -resize {w+60}x{h+40}^ -gravity Center -background none -extent {w+60}x{h+40} -virtual-pixel Edge -blur 0x{max(1,min(w+60,h+40)/24.0)} ) +swap -gravity Center -compose Over -composite"), bound{2, 14, 30}},
	{"/extend:{w+9},{h+4},bg=white", magick("-compose Copy -background white -extent {w+9}x{h+4}-4-2"), exact},
	{"/extend:{w+9},{h+4},southeast", magick("-compose Copy -background none -gravity SouthEast -extent {w+9}x{h+4}"), exact},
	{"/border:4,teal", magick("-compose Copy -bordercolor #008080 -border 4"), exact},
	{"/border:3,ff000080", magick("-compose Copy -bordercolor #ff000080 -border 3"), exact},
	// libvips cuts fractions off where it lays a picture on a color.
	{"/background:0080ff", magick("-background #0080ff -alpha remove -alpha off"), bound{1, 1, 1}},
	{"/background:ff800080", magick("( +clone -alpha transparent -fill #ff800080 -colorize 100% -alpha set -channel A -evaluate set 50.196% +channel ) +swap -compose Over -composite"), bound{1.3, 1.5, 1.5}},
	{"/background:white/pad:5,7,3,2,bg=ff00fe/trim:0", magick("-background white -alpha remove -alpha off -background #ff00fe -extent {w+9}x{h+8}-2-5 -trim +repage"), bound{1, 1, 1}},
	{"/trim", formula(trimmed(10)), exact},
	{"/trim:60", formula(trimmed(60)), exact},
	// The share of a pixel in an ellipse is computed by its distance from the middle, and counted here.
	{"/round:9", formula(roundedBy(func(in raster) (float64, float64) {
		r := min(9, float64(in.width)/2, float64(in.height)/2)
		return r, r
	})).from(16), bound{1, 12, 20}},
	{"/round:max", formula(roundedBy(func(in raster) (float64, float64) { return float64(in.width) / 2, float64(in.height) / 2 })).from(16), bound{1, 12, 20}},

	{"/resize:{2*w},{2*h},stretch,up,k=nearest", magick("-sample {2*w}x{2*h}!"), exact},
	{"/resize:{3*w},{h},stretch,up,k=nearest", magick("-sample {3*w}x{h}!"), exact},
	{"/resize:{2*w},{3*h},up,k=nearest", magick("-sample {2*w}x{2*h}!"), exact},
	{"/resize:{2*w},{h},outside,up,k=nearest", magick("-sample {2*w}x{2*h}!"), exact},
	{"/resize:{2*w},{2*h+4},pad,up,k=nearest,bg=teal", magick("-sample {2*w}x{2*h}! -compose Copy -background #008080 -extent {2*w}x{2*h+4}-0-2"), exact},
	{"/resize:{(w+1)/2},{h},cover,west", magick("-gravity West -crop {(w+1)/2}x{h}+0+0 +repage"), exact},
	{"/crop:{w/3*3},{h/3*3},northwest/resize:{w/3},{h/3},stretch,k=nearest", magick("-crop {w/3*3}x{h/3*3}+0+0 +repage -sample {w/3}x{h/3}!").from(16), exact},
	// The middle of a pixel lies on the border of two: the one behind it is taken.
	{"/resize:{(w+1)/2},{(h+1)/2},stretch,k=nearest", magick("-define sample:offset=50.001 -sample {(w+1)/2}x{(h+1)/2}!"), exact},
	// At the edges the two sides weigh what is not there in their own ways. From a fifth on, libvips averages over squares first.
	{"/resize:{(w+1)/2},{(h+1)/2},stretch", magick("-filter Lanczos -resize {(w+1)/2}x{(h+1)/2}!").from(16), bound{3, 20, 40}},
	{"/resize:{(w+4)/5},{(h+4)/5},stretch", magick("-filter Lanczos -resize {(w+4)/5}x{(h+4)/5}!").from(16), bound{12, 26, 34}},
	{"/resize:{2*w},{2*h},stretch,up", magick("-filter Catrom -resize {2*w}x{2*h}!").from(16), bound{2, 20, 40}},
	{"/resize:{(w+1)/2},{(h+1)/2},stretch,k=lanczos2", magick("-filter Lanczos -define filter:lobes=2 -resize {(w+1)/2}x{(h+1)/2}!").from(16), bound{2, 12, 25}},
	{"/resize:{(w+1)/2},{(h+1)/2},stretch,k=cubic", magick("-filter Catrom -resize {(w+1)/2}x{(h+1)/2}!").from(16), bound{2, 12, 25}},
	{"/resize:{(w+1)/2},{(h+1)/2},stretch,k=linear", magick("-filter Triangle -resize {(w+1)/2}x{(h+1)/2}!").from(16), bound{2, 20, 24}},
	{"/resize:{3*w},{h},stretch,up,k=linear", magick("-filter Triangle -resize {3*w}x{h}!").from(16), bound{0.6, 1.1, 1.5}},

	// On an opaque ground, since ImageMagick lets the black of what is transparent into the edges.
	{"/background:white/rotate:30,bg=white", magick("-background white -alpha remove -alpha off -virtual-pixel Background -filter Point -interpolate Catrom -set option:distort:viewport {(w*866025+h*500000+500000)/1000000}x{(h*866025+w*500000+500000)/1000000}+0+0 -distort SRT {w/2.0},{h/2.0},1,30,{(w*866025+h*500000+500000)/1000000/2.0},{(h*866025+w*500000+500000)/1000000/2.0} +repage").from(16), bound{0.8, 3, 4.5}},
}

func part(in raster) (width, height int) { return (in.width + 1) / 2, (in.height + 2) / 3 }

var colors = []comparison{
	{"/grayscale", magick("-grayscale Rec709Luminance -colorspace sRGB"), bound{1, 1, 1}},
	// One pixel in a hundred may be so near to the level that rounding decides.
	{"/bitonal", formula(bitonalAt(128)), bound{2, 0, 255}},
	{"/bitonal:60", formula(bitonalAt(60)), bound{2, 0, 255}},
	{"/invert", magick("-channel RGB -negate"), exact},
	{"/sepia", magick("-color-matrix 0.393,0.769,0.189,0.349,0.686,0.168,0.272,0.534,0.131"), rounding},
	{"/normalize", formula(normalized), bound{2, 2, 4}},
	{"/brightness:20", magick("-channel RGB -evaluate add 20%"), rounding},
	{"/contrast:40", magick("-channel RGB -function polynomial 1.4,-0.2"), rounding},
	{"/contrast:-40", magick("-channel RGB -function polynomial 0.6,0.2"), rounding},
	{"/saturation:60", magick("-color-matrix 1.47244,-0.42912,-0.04332,-0.12756,1.17088,-0.04332,-0.12756,-0.42912,1.55668"), rounding},
	{"/hue:90", magick("-color-matrix 0,0,1,0.356,0.855,-0.211,-0.574,1.43,0.144"), rounding},
	{"/gamma:1.8", magick("-channel RGB -gamma 1.8"), rounding},
	{"/gamma:0.5", magick("-channel RGB -gamma 0.5"), rounding},
	{"/tint:teal", formula(tinted(0, 128, 128)), bound{1, 1, 1}},
	{"/duotone:2b1055,ffd36e", magick("-grayscale Rec709Luminance -colorspace sRGB +level-colors #2b1055,#ffd36e"), bound{1, 1.5, 1.5}},
	{"/opacity:40", magick("-alpha set -channel A -evaluate multiply 0.4"), rounding},

	// ImageMagick's masks for small sigmas are averages over each pixel, and wider by that. Weights are 32 to 63 at most, see gaussianWeights.
	{"/blur:0.5", formula(blurred(0.5)), bound{1, 3, 4}},
	{"/blur:1", formula(blurred(1)), bound{1.6, 5, 5.5}},
	{"/blur:2", magick("-virtual-pixel Edge -blur 0x2"), bound{2.2, 3.5, 4.5}},
	{"/blur:6", magick("-virtual-pixel Edge -blur 0x6"), bound{2, 5, 5}},
	{"/sharpen", formula(sharpened(1)), bound{1, 1, 1}},
	{"/sharpen:3", formula(sharpened(3)), bound{1, 1, 1}},
	{"/median", formula(medianOf(3)), bound{0.5, 1, 1}},
	{"/median:7", formula(medianOf(7)), bound{0.5, 1, 1}},
	{"/background:white/median:5", magick("-background white -alpha remove -alpha off -virtual-pixel Edge -statistic Median 5x5"), bound{1, 1, 1}},
	{"/pixelate:7", formula(mosaicOf(7)), bound{1, 1.5, 1.5}},
}

// Each picture is laid on itself, moved.
var overlays = func() (list []comparison) {
	const by = "-alpha set ( +clone ) -geometry +{w/3}+{h/4} -compose "
	for word, compose := range map[string]string{
		"normal": "Over", "multiply": "Multiply", "screen": "Screen", "overlay": "Overlay", "darken": "Darken", "lighten": "Lighten",
		"color-burn": "ColorBurn", "hard-light": "HardLight", "soft-light": "SoftLight", "difference": "Difference",
		"exclusion": "Exclusion", "add": "Plus", "mask": "DstIn", "cut": "DstOut",
	} {
		list = append(list, comparison{"/overlay:SELF,northwest,dx={w/3},dy={h/4},blend=" + word, magick(by + compose + " -composite"), bound{1, 2, 3}})
	}
	slices.SortFunc(list, func(a, b comparison) int { return strings.Compare(a.chain, b.chain) })
	return append(list,
		// ImageMagick has white dodge black to white, where the W3C has black stay.
		comparison{"/overlay:SELF,northwest,dx={w/3},dy={h/4},blend=color-dodge", formula(dodgedByItself), bound{1, 2, 3}},
		comparison{"/overlay:SELF,dx={-w/2},dy={-h/2}", magick("( +clone ) -geometry +{w/2}+{h/2} -compose Over -composite"), bound{1, 2, 2}},
		comparison{"/overlay:SELF,northwest,op=40", magick("( +clone -alpha set -channel A -evaluate multiply 0.4 +channel ) -compose Over -composite"), bound{1, 2, 2}},
		comparison{"/background:white/overlay:SELF,northwest,angle=180", magick("( +clone -rotate 180 ) ( -clone 0 -background white -alpha remove -alpha off ) -delete 0 +swap -compose Over -composite"), bound{1, 2, 2}},
		comparison{"/text:4paI,northwest,size=20,color=ff8000", reference{accepts: mixesIn(255, 128, 0)}, exact},
		comparison{"/text:Q2Fsb3R5cGU,center,size=30p,color=0080ff80,angle=20,tile,gap=3", reference{accepts: mixesIn(0, 128, 255)}, exact},
	)
}()
