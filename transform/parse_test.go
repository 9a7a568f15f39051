package transform

import (
	"errors"
	"strings"
	"testing"
)

const id = "01934f6e-8d5c-7b3a-9c1e-0a1b2c3d4e5f"

// canonical parses what follows /download/<id> and returns its canonical spelling.
func canonical(t *testing.T, path string) string {
	t.Helper()
	target, err := Parse(id + path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	got := target.String()
	again, err := Parse(got)
	if err != nil {
		t.Fatalf("%s: its canonical form %s does not parse: %v", path, got, err)
	}
	if again.ID != target.ID || !again.Chain.Equal(&target.Chain) {
		t.Errorf("%s: its canonical form %s means something else", path, got)
	}
	if second := again.String(); second != got {
		t.Errorf("%s: the canonical form of %s is %s", path, got, second)
	}
	return strings.TrimPrefix(got, id)
}

func TestCanonicalForm(t *testing.T) {
	f := func(path, want string) {
		t.Helper()
		if got := canonical(t, path); got != want {
			t.Errorf("%s is spelled %s, want %s", path, got, want)
		}
	}
	f("", "")
	f(".jpeg", ".jpg")
	f(".TIFF", ".tif")
	f("/crop:0,0,200,200/rotate:90.png", "/crop:0,0,200,200/rotate:90.png")
	f("/CROP=0~0~200~200/Rotate:450.PNG", "/crop:0,0,200,200/rotate:90.png")
	f("/crop%3A0%2C0%2C200%2C200/rotate%3A90.png", "/crop:0,0,200,200/rotate:90.png")
	f("//rotate:-90//rotate:0.jpeg", "/rotate:270.jpg")
	f("/rotate:0.jpeg", ".jpg")
	f("/rotate:90.png/", "/rotate:90.png")
	f("/quality:80/resize:400/dpr:2.webp", "/resize:400/dpr:2/quality:80.webp")
	f("/rotate:22.50", "/rotate:22.5")
	f("/rotate:22.5.webp", "/rotate:22.5.webp")
	f("/rotate:360", "")
	f("/rotate:-0.001", "/rotate:359.999")
	f("/resize:400,300,up,north,cover.webp", "/resize:400,300,cover,north,up.webp")
	f("/resize:400,0,fit,center", "/resize:400")
	f("/resize:0,300", "/resize:0,300")
	f("/resize:400,300,fp=0.30x0.7,cover,up,k=lanczos3", "/resize:400,300,cover,up,fp=0.3x0.7")
	f("/resize:50p", "/resize:50p")
	f("/resize:012.500p", "/resize:12.5p")
	f("/resize:200,200,pad,bg=RED", "/resize:200,200,pad,bg=ff0000")
	f("/background:RED.png", "/background:ff0000.png")
	f("/background:abc.png", "/background:aabbcc.png")
	f("/background:aabbccff", "/background:aabbcc")
	f("/background:transparent", "")
	f("/crop:-0,0,0,0", "")
	f("/crop:200,100,center", "/crop:200,100")
	f("/crop:200,100,dy=-5,dx=10,southeast", "/crop:200,100,southeast,dx=10,dy=-5")
	f("/crop:ar=16x9,smart", "/crop:smart,ar=16x9")
	f("/crop=200~200~fp=0.3x0.7", "/crop:200,200,fp=0.3x0.7")
	f("/flip:H", "/flip:h")
	f("/orient:6/flip:v", "/orient:6/flip:v")
	f("/orient:auto", "")
	f("/sharpen", "/sharpen")
	f("/sharpen:1.0", "/sharpen")
	f("/progressive.jpg", "/progressive:1.jpg")
	f("/dpr:1.jpg", ".jpg")
	f("/metadata:strip", "")
	f("/format:webp", ".webp")
	f("/format:webp.webp", ".webp")
	f("/format:jpeg", ".jpg")
	f("/format:TIFF.json", "/format:tif.json")
	f("/format:webp.json", "/format:webp.json")
	f("/format:jpg.json", "/format:jpg.json")
	f("/resize:40.json", "/resize:40.json")
	f("/describe:exif,LOOK.json", "/describe:look,exif.json")
	f("/describe=exif~look/flip:h.json", "/flip:h/describe:look,exif.json")
	f("/format:auto", ".auto")
	f("/format:auto.auto", ".auto")
	f("/format:auto.jpg", "/format:auto.jpg")
	f("/resize:400.auto", "/resize:400.auto")
	f("/v:2/NAME:Tree-on-a_Hill/resize:400/attach.jpg", "/resize:400/name:Tree-on-a_Hill/attach:1/v:2.jpg")
	f("/name=2024/v=a", "/name:2024/v:a")
	f("/name:Cat.JPEG", "/name:Cat.jpg")
	f("/v:1.auto", "/v:1.auto")
	f("/format:auto/v:1.jpg", "/v:1/format:auto.jpg")
	f("/attach", "/attach:1")
	f("/attach:0/rotate:90", "/rotate:90")
}

func TestIDIsLowered(t *testing.T) {
	target, err := Parse(strings.ToUpper(id) + "/flip:h.png")
	if err != nil || target.ID != id {
		t.Errorf("got %q, %v", target.ID, err)
	}
}

func TestSyntaxErrorsSayWhatWasExpected(t *testing.T) {
	f := func(path string, parts ...string) {
		t.Helper()
		_, err := Parse(id + path)
		var e *SyntaxError
		if !errors.As(err, &e) || !errors.Is(err, ErrSyntax) {
			t.Errorf("%s: got %v, want a syntax error", path, err)
			return
		}
		for _, part := range parts {
			if !strings.Contains(e.Error(), part) {
				t.Errorf("%s: the message %q lacks %q", path, e.Error(), part)
			}
		}
		if e.Offset <= 0 || e.Offset > len(id+path) {
			t.Errorf("%s: offset %d", path, e.Offset)
		}
	}
	f("/describe:plan.json", "describe: must be one or more of look, exif", `not "plan"`)
	f("/describe:look,look.json", "one or more of", `not "look,look"`)
	f("/describe.json", "describe: takes one value")
	f("/rotate:1e3", `rotate: angle must be a number`, `degrees`, `not "1e3"`)
	f("/rotate", "rotate: angle is missing")
	f("/rotate:+90", `not "+90"`)
	f("/rotate:.5", `not ".5"`)
	f("/rotate:5.", `not "5."`)
	f("/rotate:1.2345", "three decimals")
	f("/rotate:1234567", "angle")
	f("/rotate:90,90", "takes rotate:angle[,bg=] there")
	f("/crop:1,2,3", "crop:left,top,width,height or crop:width,height")
	f("/crop:0,0,2,2,", "crop: takes")
	f("/crop:0,0", "above 0")
	f("/crop:0,0,-2,2", "width must be whole pixels from 0 to 65535, or percent", `not "-2"`)
	f("/crop:0,0,2.5,2", "width must be whole pixels")
	f("/crop:200,200,north,fp=0.5x0.5", "cannot stand beside a gravity")
	f("/crop:200,200,fp=1.5x0.5", "shares from 0 to 1")
	f("/crop:200,200,north,south", "given twice")
	f("/crop", "crop: ar is missing")
	f("/resize:-5", "width must be", `not "-5"`)
	f("/resize:0", "needs a width or a height above 0")
	f("/resize:400,300,n", "mode must be fit, cover", `not "n"`)
	f("/resize:400,300,color=red", `not "color=red"`)
	f("/resize:400,300,pad,smart", "must be a place")
	f("/flip", "flip: axis is missing: it must be h, v or hv")
	f("/flip:horizontal", "must be h, v or hv", `not "horizontal"`)
	f("/grayscale:1", "takes grayscale there")
	f("/unknownop:1", "crop, trim", "quality")
	f("/median:4", "3, 5, 7", "15")
	f("/gray", "did you mean grayscale?")
	f("/rotat:90", "did you mean rotate?")
	f("/blur:0", "from 0.3 to 250")
	f("/blur:2.exe", "format: must be jpg", `not ".exe"`)
	f("/quality:0.jpg", "from 1 to 100")
	f("/quality:80/quality:70.jpg", "set twice")
	f("/quality", "takes one value")
	f("/dpr:1.005", "multiple of 0.01")
	f("/dpr:2/dpr:1", "set twice")
	f("/progressive:yes", "must be 1 or 0")
	f("/rotate:90/orient:6", "before all other operations")
	f("/rotate:90/orient:auto", "before all other operations")
	f("/background:zzz", "hexadecimal")
	f("/background:12345", "hexadecimal")
	f("/format:webp.png", "contradict")
	f("/format:webp.auto", "contradict")
	f("/format:auto.json", "not auto")
	f("/%2e%2e/flip:h", "dot segment")
	f("/../flip:h", "dot segment")
	f("/flip:%", "two hexadecimal digits")
	f("/flip:%zz", "two hexadecimal digits")
	f("/flip:%00", "printable ASCII")
	f("/flip:\\", "printable ASCII")
	f("/flip: h", "printable ASCII")
	f("/flip:\xff", "printable ASCII")
	f("/flip:%ff", "printable ASCII")
	f("/name:.jpg", "name: must be a word of at most 64 letters")
	f("/name.jpg", "name: takes one value")
	f("/name:a~b", "name: takes one value")
	f("/name:a%20b", "hyphens and underscores", `not "a b"`)
	f("/name:a=b", `not "a=b"`)
	f("/name:-rf", `not "-rf"`)
	f("/name:%C3%A9", `not "é"`)
	f("/name:a.b.jpg", `not "a.b"`)
	f("/name:"+strings.Repeat("a", 65), "at most 64")
	f("/v:"+strings.Repeat("a", 33), "at most 32")
	f("/v:1/v:1", "set twice")
	f("/v:1.5", `not "1.5"`)
	f("/attach:yes", "must be 1 or 0")
	f(strings.Repeat("/flip:h", 33), "at most 32")
	f("/dpr:2/dpr:2", "set twice")
	f(strings.Repeat("/rotate:0", 41), "at most 40")
	f("/resize:"+strings.Repeat("1,", 16)+"1", "at most 16 arguments")
}

func TestAddressesThatAreNone(t *testing.T) {
	f := func(path string, want error) {
		t.Helper()
		if _, err := Parse(path); !errors.Is(err, want) {
			t.Errorf("%.60s: got %v, want %v", path, err, want)
		}
	}
	f("", ErrPath)
	f("//", ErrPath)
	f(id+"/a%2Fb", ErrPath)
	f(strings.Repeat("a", MaxPath+1), ErrTooLong)
}

// Every operation and setting parses its own examples and default, and refuses what lies beside its bounds.
func TestDeclarations(t *testing.T) {
	seen := map[string]bool{}
	name := func(n string) {
		if seen[n] {
			t.Errorf("%s is declared twice", n)
		}
		seen[n] = true
	}
	if len(Settings) > maxSettings {
		t.Errorf("%d settings, a chain has room for %d", len(Settings), maxSettings)
	}
	for _, o := range Operations {
		name(o.Name)
		if o.Doc == "" || len(o.Examples) == 0 || o.Plan == nil {
			t.Errorf("%s lacks a sentence, an example or a plan", o.Name)
		}
		for _, example := range o.Examples {
			if got := canonical(t, "/"+example); !strings.Contains(got, "/"+o.Name) {
				t.Errorf("the example %s is spelled %s", example, got)
			}
		}
		for _, form := range o.Forms {
			if len(form.Params) > maxParams {
				t.Errorf("%s has %d parameters, a call has room for %d", o.Name, len(form.Params), maxParams)
			}
			for i := range form.Params {
				checkParam(t, o.Name, &form.Params[i])
			}
		}
	}
	for _, s := range Settings {
		name(s.Name)
		canonical(t, "/"+s.Example)
		checkParam(t, s.Name, &s.Param)
	}
	for _, f := range Formats {
		if got := canonical(t, "."+f.Extension); got != "."+f.Extension {
			t.Errorf("%s is spelled %s", f.Extension, got)
		}
		for _, spelling := range f.Spellings {
			if got := canonical(t, "."+spelling); got != "."+f.Extension {
				t.Errorf("%s is spelled %s", spelling, got)
			}
		}
	}
}

func checkParam(t *testing.T, owner string, p *Param) {
	t.Helper()
	if p.Doc == "" {
		t.Errorf("%s: %s is not described", owner, p.Name)
	}
	accept := func(s string) {
		t.Helper()
		v, ok := p.parse(s)
		if !ok {
			t.Errorf("%s: %s refuses %s", owner, p.Name, s)
			return
		}
		again, ok := p.parse(string(p.append(nil, v)))
		if !ok || again != v {
			t.Errorf("%s: %s reads %s otherwise after writing it", owner, p.Name, s)
		}
	}
	refuse := func(s string) {
		t.Helper()
		if v, ok := p.parse(s); ok {
			t.Errorf("%s: %s takes %q for %v", owner, p.Name, s, v)
		}
	}
	junk := []string{"", "?", "1.", ".1", "+1", "½"}
	if !p.free() {
		junk = append(junk, "NaN", "inf", "1e309", "--1", "0x10", "1_0", "1p1")
	}
	for _, s := range junk {
		refuse(s)
	}
	if p.Default != "" {
		accept(p.Default)
	}
	for _, w := range p.Words {
		accept(w)
		accept(strings.ToUpper(w))
	}
	number := func(v float64) string { return string((&Param{Kind: Number}).append(nil, Value{X: v})) }
	switch p.Kind {
	case Integer, Length:
		accept(number(p.Min))
		accept(number(p.Max))
		refuse(number(p.Min - 1))
		refuse(number(p.Max + 1))
		refuse("1.5")
	case Number:
		if p.Wrap == 0 {
			accept(number(p.Min))
			accept(number(p.Max))
			refuse(number(p.Min - 0.001))
			refuse(number(p.Max + 0.001))
		}
	case ID:
		accept(id)
		refuse("a_b")
	case Text:
		accept("SGVsbG8")
		refuse("IA") // a space
	case Name:
		accept("a")
		accept("2-B_c-")
		accept(strings.Repeat("Z", int(p.Max)))
		refuse(strings.Repeat("Z", int(p.Max)+1))
		refuse("-a")
		refuse("_a")
		refuse("a b")
	case Point, Ratio:
		accept("0.5x0.25")
		refuse("1")
		refuse("1x1x1")
		refuse("-1x1")
	}
	if p.Kind == Length {
		accept("12.5p")
		refuse("12.3456p")
		refuse("100000p")
	}
}

func FuzzParse(f *testing.F) {
	for _, o := range Operations {
		for _, example := range o.Examples {
			f.Add(id + "/" + example + ".png")
		}
		f.Add(id + "/" + o.Name)
	}
	for _, s := range Settings {
		f.Add(id + "/" + s.Example + ".webp")
	}
	f.Add(id + "/CROP=0~0~200~200/resize%3A10p,,up/format:auto.jpg")
	f.Add(id + "/crop:ar=16x9,fp=0.1x0.9/background:0008/orient:8.json")
	f.Add("%41/%2e/../a%2fb//")
	f.Fuzz(func(t *testing.T, path string) {
		target, err := Parse(path)
		if err != nil {
			if e := (*SyntaxError)(nil); errors.As(err, &e) && len(e.Error()) > 1000 {
				t.Errorf("a message of %d bytes", len(e.Error()))
			}
			return
		}
		printed := target.String()
		again, err := Parse(printed)
		if err != nil {
			t.Fatalf("%q is printed as %q, which does not parse: %v", path, printed, err)
		}
		if again.ID != target.ID || !again.Chain.Equal(&target.Chain) {
			t.Fatalf("%q is printed as %q, which means something else", path, printed)
		}
		if second := again.String(); second != printed {
			t.Fatalf("%q is printed as %q, and that as %q", path, printed, second)
		}
	})
}
