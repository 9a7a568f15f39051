package transform

import "strings"

// Signatures returns how the operation is written, form by form, parameters by their names, those that may be left out in
// brackets: crop:left,top,width,height.
func (o *Operation) Signatures(separator string) string {
	texts := make([]string, len(o.Forms))
	for i, f := range o.Forms {
		texts[i] = f.Signature(o.Name)
	}
	return strings.Join(texts, separator)
}

// Signature returns how the form is written in an operation of that name.
func (f Form) Signature(name string) string {
	var b strings.Builder
	b.WriteString(name)
	separator := ":"
	for i := range f.Params {
		p := &f.Params[i]
		text := p.Name
		if p.Keyed {
			text += "="
		}
		if p.Required() {
			b.WriteString(separator + text)
		} else {
			b.WriteString("[" + separator + text + "]")
		}
		separator = ","
	}
	return b.String()
}

// Signature returns how the setting is written.
func (s *Setting) Signature() string {
	if s.Param.Kind == Switch {
		return s.Name + "[:" + s.Param.Name + "]"
	}
	return s.Name + ":" + s.Param.Name
}
