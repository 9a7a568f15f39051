package transform

// The settings below say how a print or an original is sent. They are part of its address, and not of the print: all addresses that
// differ in nothing else have one print.

var fileName = &Setting{
	Name: "name",
	Doc: "Names the file as which a browser saves the print, without the extension, which is that of its format. Without it that is the name under " +
		"which the original was uploaded. An address without operations and extension sends the original itself under this name.",
	Param: Param{
		Name: "stem", Doc: "Upper and lower case are kept.",
		Kind: Name, Max: 64,
	},
	Example:  "name:tree-on-a-hill",
	Delivery: true,
}

var attach = &Setting{
	Name: "attach",
	Doc: "Has browsers save what they get, in place of showing it, when somebody follows a link. Pages show it all the same. It belongs to the address, since caches " +
		"often leave a query out of account.",
	Param:    Param{Name: "on", Doc: "1 to have it saved.", Kind: Switch, Default: "0"},
	Example:  "attach:1",
	Delivery: true,
}

var version = &Setting{
	Name: "v",
	Doc:  "Means nothing, and makes the address another: for caches that must let go of what they hold. The print is the same one, and is not made again.",
	Param: Param{
		Name: "version", Doc: "Whatever tells one from another.",
		Kind: Name, Max: 32,
	},
	Example:  "v:2",
	Delivery: true,
}

// FileName returns the stem of the file's name that the address gives, or "".
func (c *Chain) FileName() string { return c.Get(fileName).Text }

// Attached tells whether browsers are to save what is sent.
func (c *Chain) Attached() bool { return c.Get(attach).X == 1 }

// Attach returns the chain for what is to be saved.
func (c Chain) Attach() Chain {
	c.settings[attach.index()] = Value{X: 1, Set: true}
	return c
}

// Delivers tells whether the chain says how the print is sent.
func (c *Chain) Delivers() bool {
	for i, s := range Settings {
		if s.Delivery && c.settings[i].Set {
			return true
		}
	}
	return false
}

// undelivered returns the chain without what says how the print is sent.
func (c Chain) undelivered() Chain {
	for i, s := range Settings {
		if s.Delivery {
			c.settings[i] = Value{}
		}
	}
	return c
}
