package tenants

import (
	"math"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Setting is what can be said of a tenant. Most have the name and the meaning of an option of the program.
type Setting struct {
	Name string
	Form string // what follows the name
	Doc  string
	read func(r *reader, n *yaml.Node, t *Tenant)
}

// Settings are all of them. The table in the documentation is made from this declaration.
var Settings = []Setting{
	{
		"hosts", "[NAME, ...]", "Names by which its addresses are asked for, without a port; no two tenants share one. Needed.",
		func(r *reader, n *yaml.Node, t *Tenant) { t.Hosts = r.hostNames(n) },
	},
	{
		"tokens", "[SECRET, ...]", "Secrets of those who may upload, list, delete and purge there. Without one nobody may.",
		func(r *reader, n *yaml.Node, t *Tenant) { t.Tokens = r.secrets(n) },
	},
	{
		"upload-origins", "[ORIGIN, ...]", "Sites whose pages may upload there from a browser, as `--upload-origins` has it.",
		func(r *reader, n *yaml.Node, t *Tenant) { t.UploadOrigins = r.texts(n) },
	},
	{
		"sources", "[PATTERN, ...]", "What `/proxy` may fetch there, as `--sources` has it. Without it nothing is fetched.",
		func(r *reader, n *yaml.Node, t *Tenant) { t.Sources = r.texts(n) },
	},
	{
		"sign", "off|remote|transforms|all", "Which addresses must be signed, as `--sign` has it; without it `remote`. With `sources` it takes keys, or `off`.",
		func(r *reader, n *yaml.Node, t *Tenant) { t.Sign, _ = r.text(n) },
	},
	{
		"sign-keys", "[SECRET, ...]", "Keys of signatures as in `--sign-keys`, the first of which signs. They hold at its hosts alone.",
		func(r *reader, n *yaml.Node, t *Tenant) { t.SignKeys = r.secrets(n) },
	},
	{
		"presets", "FILE", "Its presets, in a file as `--presets` takes it.",
		func(r *reader, n *yaml.Node, t *Tenant) { t.Presets = r.filePath(n) },
	},
	{
		"presets-only", "true|false", "Whether nothing but presets may be asked for.",
		func(r *reader, n *yaml.Node, t *Tenant) { t.PresetsOnly = r.boolean(n) },
	},
	{
		"operations", "[NAME, ...]", "The operations that may be asked for; without it all.",
		func(r *reader, n *yaml.Node, t *Tenant) { t.Operations = r.texts(n) },
	},
	{
		"sizes", "[N, ...]", "The widths and heights that may be asked for, in pixels; without it all.",
		func(r *reader, n *yaml.Node, t *Tenant) { t.Sizes = r.numbers(n, 1, math.MaxInt32) },
	},
	{
		"snap", "true|false", "Whether a size between them becomes the next larger one, and is not refused.",
		func(r *reader, n *yaml.Node, t *Tenant) { t.Snap = r.boolean(n) },
	},
	{
		"max-upload-bytes", "SIZE", "Largest image that is taken. At most, and without it, `--max-upload-bytes`.",
		func(r *reader, n *yaml.Node, t *Tenant) { t.MaxUploadBytes = r.size(n) },
	},
	{
		"max-pixels", "N", "Most pixels of an image. At most, and without it, `--max-pixels`.",
		func(r *reader, n *yaml.Node, t *Tenant) { t.MaxPixels = r.number(n, 1, math.MaxInt64) },
	},
	{
		"max-side", "N", "Longest side of a print. At most, and without it, `--max-side`.",
		func(r *reader, n *yaml.Node, t *Tenant) { t.MaxSide = int(r.number(n, 1, math.MaxInt32)) },
	},
	{
		"prints-per-hour", "N", "Most different prints made of one original in an hour, and a hundred times as many for one client; 0 is no limit. Without it `--prints-per-hour`.",
		func(r *reader, n *yaml.Node, t *Tenant) {
			prints := int(r.number(n, 0, math.MaxInt32))
			t.PrintsPerHour = &prints
		},
	},
	{
		"max-images", "N", "Most images that are kept for it. Without it there is no limit.",
		func(r *reader, n *yaml.Node, t *Tenant) { t.MaxImages = r.number(n, 1, math.MaxInt64) },
	},
	{
		"max-bytes", "SIZE", "Most bytes of originals that are kept for it. Without it there is no limit.",
		func(r *reader, n *yaml.Node, t *Tenant) { t.MaxBytes = r.size(n) },
	},
}

func settingNames() string {
	var names []string
	for _, s := range Settings {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}
