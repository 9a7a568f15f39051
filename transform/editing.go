package transform

// What an editor of chains needs to know beside the grammar; the API description tells it.

// A Recipe is a chain for what people often want, to begin with.
type Recipe struct {
	Title string
	Chain string // as in an address, without the id
}

// Recipes are all recipes, the most usual first.
var Recipes = []Recipe{
	{"Crop to a square", "crop:smart,ar=1x1.webp"},
	{"800 wide, WebP", "resize:800.webp"},
	{"Wide banner", "crop:smart,ar=3x1/resize:1200.webp"},
	{"Round portrait", "crop:smart,ar=1x1/resize:240/round:max.webp"},
	{"Smallest file", "resize:1280/quality:auto.avif"},
	{"Black and white", "grayscale/contrast:15"},
	{"Write on it", "text:wqkgMjAyNg,dx=2p,dy=2p"},
}

// Start returns what an editor begins a call of the form with: a text for each argument that must be written.
func (o *Operation) Start(form int) map[string]string {
	c, ok := o.startOf(form)
	if !ok {
		return nil
	}
	start := map[string]string{}
	params := o.Forms[form].Params
	for i := range params {
		if params[i].Required() {
			start[params[i].Name] = string(params[i].append(nil, c.values[i]))
		}
	}
	return start
}

// startOf finds the call with which an editor begins.
func (o *Operation) startOf(form int) (Call, bool) {
	texts := o.Examples
	if start := o.Forms[form].Start; start != "" {
		texts = []string{start}
	}
	for _, text := range texts {
		chain, err := parseChain(text)
		if err != nil {
			continue
		}
		for _, c := range chain.Calls {
			if c.Operation == o && c.form == form {
				return c, true
			}
		}
	}
	return Call{}, false
}

// Places returns where in a picture the words of the parameter are, as shares of the room that is left beside what lies there; nil if they are no
// places. Words that are none, such as smart, are not among them.
func (p *Param) Places() map[string][2]float64 {
	places := map[string][2]float64{}
	for _, word := range p.Words {
		if share, ok := gravities[word]; ok {
			places[word] = share
		}
	}
	if len(places) < len(gravities) {
		return nil
	}
	return places
}
