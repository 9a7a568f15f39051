package sniff

import (
	"io"
	"strings"
	"time"
	"unicode"
)

// The tags of EXIF (CIPA DC-008, 4.6) that ReadEXIF looks at: those of the first directory, and those of the one that it leads to. The
// place where a picture was taken is in a third, which is not read.
const (
	tagMake          = 271
	tagModel         = 272
	tagArtist        = 315
	tagCopyright     = 33432
	tagEXIF          = 34665
	tagExposureTime  = 33434
	tagFNumber       = 33437
	tagISO           = 34855
	tagTaken         = 36867
	tagTakenOffset   = 36881
	tagFocalLength   = 37386
	tagFocalLength35 = 41989
	tagLensMake      = 42035
	tagLensModel     = 42036
)

var (
	aboutTags      = []uint16{tagDescription, tagMake, tagModel, tagArtist, tagCopyright, tagEXIF}
	photographTags = []uint16{tagExposureTime, tagFNumber, tagISO, tagTaken, tagTakenOffset, tagFocalLength, tagFocalLength35, tagLensMake, tagLensModel}
)

// maxText bounds a text of EXIF, in bytes as stored.
const maxText = 500

// An EXIF is what a file says of how its picture was taken and by whom, never where. What it does not say, or says in a way that
// makes no sense, is the zero value. Texts are one line of valid UTF-8.
type EXIF struct {
	Make          string  `json:"make,omitempty"`
	Model         string  `json:"model,omitempty"`
	LensMake      string  `json:"lensMake,omitempty"`
	LensModel     string  `json:"lensModel,omitempty"`
	ExposureTime  float64 `json:"exposureTime,omitempty"` // seconds
	FNumber       float64 `json:"fNumber,omitempty"`
	ISO           int     `json:"iso,omitempty"`
	FocalLength   float64 `json:"focalLength,omitempty"`   // millimetres
	FocalLength35 int     `json:"focalLength35,omitempty"` // of the same view on 35 mm film, millimetres
	Taken         string  `json:"taken,omitempty"`         // RFC 3339, without an offset from UTC if the file has none
	Description   string  `json:"description,omitempty"`
	Artist        string  `json:"artist,omitempty"`
	Copyright     string  `json:"copyright,omitempty"`
}

// ReadEXIF reads the EXIF of a file that Read takes: of a TIFF its own directories, else the block whose orientation counts. What is
// broken in it is left out. Its errors and its bounds are those of Read.
func ReadEXIF(r io.ReaderAt, size int64) (EXIF, error) {
	c := newCursor(r, size)
	if _, err := c.read(); err != nil || c.exif.end == 0 {
		return EXIF{}, err
	}
	t, first, err := openEXIF(c, c.exif.start, c.exif.end)
	if err != nil {
		return EXIF{}, unlessBroken(err)
	}
	about, err := t.fields(first, aboutTags)
	if unlessBroken(err) != nil {
		return EXIF{}, err
	}
	v := values{t: t, fields: about}
	e := EXIF{
		Make: v.text(tagMake), Model: v.text(tagModel),
		Description: v.text(tagDescription), Artist: v.text(tagArtist), Copyright: v.text(tagCopyright),
	}
	if next := v.number(tagEXIF); next > 0 {
		v.fields, err = t.fields(next, photographTags)
		if unlessBroken(err) != nil {
			return EXIF{}, err
		}
		e.LensMake, e.LensModel = v.text(tagLensMake), v.text(tagLensModel)
		e.ExposureTime, e.FNumber, e.FocalLength = v.ratio(tagExposureTime), v.ratio(tagFNumber), v.ratio(tagFocalLength)
		e.ISO, e.FocalLength35 = v.count(tagISO), v.count(tagFocalLength35)
		e.Taken = takenAt(v.text(tagTaken), v.text(tagTakenOffset))
	}
	return e, v.err
}

// values reads the values of fields. It keeps the first error that is not ErrBroken.
type values struct {
	t      *tiff
	fields map[uint16]field
	err    error
}

func (v *values) keep(err error) {
	if v.err == nil {
		v.err = unlessBroken(err)
	}
}

// number returns a whole number, or 0.
func (v *values) number(tag uint16) uint64 {
	n, err := v.t.first(v.fields[tag])
	v.keep(err)
	return n
}

// count returns a number that cameras count, from 1 on, or 0.
func (v *values) count(tag uint16) int {
	const most = 10_000_000
	n := v.number(tag)
	if n > most {
		return 0
	}
	return int(n)
}

// ratio returns a number above 0 that is stored as numerator and denominator, or 0.
func (v *values) ratio(tag uint16) float64 {
	const rational = 5
	f := v.fields[tag]
	if f.kind != rational || f.count == 0 {
		return 0
	}
	b, err := v.t.stored(f, 8)
	v.keep(err)
	if err != nil {
		return 0
	}
	above, below := v.t.number(b[:4]), v.t.number(b[4:])
	if below == 0 {
		return 0
	}
	return float64(above) / float64(below)
}

// text returns a text up to its first zero byte, on one line, or "".
func (v *values) text(tag uint16) string {
	f := v.fields[tag]
	if f.kind != 2 && f.kind != 129 || f.count == 0 { // ASCII, which often holds UTF-8, and UTF-8
		return ""
	}
	b, err := v.t.stored(f, int(min(f.count, maxText)))
	v.keep(err)
	if err != nil {
		return ""
	}
	s, _, _ := strings.Cut(string(b), "\x00")
	s = strings.ToValidUTF8(s, "\ufffd")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// takenAt puts a date as EXIF writes it, 2024:05:01 12:30:00, and an offset from UTC such as +02:00 together; "" for no date.
func takenAt(date, offset string) string {
	at, err := time.Parse("2006:01:02 15:04:05", date)
	if err != nil || at.Year() < 1800 {
		return ""
	}
	const local = "2006-01-02T15:04:05"
	if _, err := time.Parse("-07:00", offset); err != nil {
		offset = ""
	}
	return at.Format(local) + offset
}
