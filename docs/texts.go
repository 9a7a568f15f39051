package docs

// The texts of the reference that are in no declaration. What stands between backticks is code.

// Introduction is the paragraphs at its head.
var Introduction = []string{
	"An address is `/download/<id>/<operation>/<operation>….<extension>`. Operations run in the order in which they stand, each on\n" +
		"the result of the one before. Settings hold for the whole print and may stand anywhere. The extension is the format of the\n" +
		"print; without one the print keeps the format of its original.",
	"Lengths are whole pixels (`200`) or percent of the picture as it is at that point (`12.5p`). Colors are CSS names, or 3, 4, 6 or 8\n" +
		"hexadecimal digits without a number sign (`f00`, `ff000080`). `fp=0.3x0.7` is a point in shares of width and height from the top left.\n" +
		"Arguments in brackets may be left out; words may stand in any order behind the numbers.",
	"Where commas and colons are in the way, `~` and `=` do as well (`crop=0~0~200~200`), and so does percent-encoding. All spellings are\n" +
		"one print; its canonical address is named in the `Link` header.",
}

// OnSamples leads to the original of the samples.
const OnSamples = "The samples are prints of this picture (480×320):"

// OnFormats and OnOriginals stand above the tables of formats.
const (
	OnFormats   = "Those of prints; an original may have them as well."
	OnOriginals = "An original may also have one of these, which are only read. A print of it whose address names no format has the one in the third column, and " +
		"is PNG if the original has transparency that this cannot hold. `/download/<id>` alone answers with the original as it is."
)

var autoFormat = Format{
	Extensions: []string{"auto"}, Name: "auto",
	Type:     "AVIF or WebP where the `Accept` header names it, else JPEG; PNG if the original is transparent, GIF if it moves",
	Settings: "all, as far as the format has them", Doc: "The answer varies with `Accept`.",
}

var jsonFormat = Format{
	Extensions: []string{"json"}, Name: "json",
	Type: "the print described: its size, bytes, format, plan and cost; with `describe:look` its colors, hashes and a placeholder, " +
		"with `describe:exif` how the original was taken",
	Doc: "`format:webp.json` describes the WebP print.",
}

// OwnPixels says when a print has the pixels of its original as they are coded there.
const OwnPixels = `A print that is the whole picture, in the format of its original, has the pixels as they are coded there if that takes fewer bytes than coding
them anew: so it is never larger than the original. The original's metadata is left out all the same, and so is what stands behind
the end of its picture. This holds for JPEG, PNG, WebP and GIF, animations too, beside the settings quality, effort, maxbytes, icc and dpr; not if an
operation or the orientation changes the picture, if colors are converted, if a gain map or metadata is kept, or beside any other setting. AVIF and TIFF are
always coded anew, and so are files that are mostly metadata, of several megabytes. Whether it was so, .json says at the end of the plan.`
