package heic

// A Matrix tells how luma and chroma are made of red, green and blue (ITU-T H.273, 8.3).
type Matrix struct {
	Coefficients int  // MatrixCoefficients: 1 for BT.709, 5 and 6 for BT.601, 9 for BT.2020
	Narrow       bool // samples use 16 to 235 and 16 to 240 of the range
}

// red and blue return the weights of the two in luma; green has the rest. What is not known is taken for BT.601, as libheif does.
func (m Matrix) weights() (red, blue float64) {
	switch m.Coefficients {
	case 1:
		return 0.2126, 0.0722
	case 9:
		return 0.2627, 0.0593
	}
	return 0.299, 0.114
}

// fixed is the number of bits behind the point of whole numbers that stand for fractions.
const fixed = 16

// WriteRGB writes the picture as red, green and blue, row by row, to out, which has room for Width×Height×3 bytes.
func (p *Picture) WriteRGB(out []byte, m Matrix) {
	red, blue := m.weights()
	green := 1 - red - blue
	lumaScale, chromaScale, black := 1.0, 1.0, 0
	if m.Narrow {
		lumaScale, chromaScale, black = 255.0/219, 255.0/224, 16
	}
	whole := func(f float64) int { return int(f * (1 << fixed)) }
	luma := whole(lumaScale)
	toRed, toBlue := whole(chromaScale*2*(1-red)), whole(chromaScale*2*(1-blue))
	greenOfBlue, greenOfRed := whole(-chromaScale*2*(1-blue)*blue/green), whole(-chromaScale*2*(1-red)*red/green)
	gray := p.planes[1] == nil || p.strides[1] == 0
	for y := range p.Height {
		row := p.planes[0][y*p.strides[0]:][:p.Width]
		pixels := out[y*p.Width*3:][:p.Width*3]
		if gray {
			for x, sample := range row {
				v := clamp((int(sample)-black)*luma + 1<<(fixed-1))
				pixels[3*x], pixels[3*x+1], pixels[3*x+2] = v, v, v
			}
			continue
		}
		at := (y >> p.shift[1]) * p.strides[1]
		cb, cr := p.planes[1][at:], p.planes[2][at:]
		for x, sample := range row {
			l := (int(sample)-black)*luma + 1<<(fixed-1)
			b, r := int(cb[x>>p.shift[0]])-128, int(cr[x>>p.shift[0]])-128
			pixels[3*x] = clamp(l + r*toRed)
			pixels[3*x+1] = clamp(l + b*greenOfBlue + r*greenOfRed)
			pixels[3*x+2] = clamp(l + b*toBlue)
		}
	}
}

// clamp returns the whole part, from 0 to 255.
func clamp(n int) byte { return byte(min(max(n>>fixed, 0), 255)) }
