module calotype/deps

go 1.26.0

// Of this module only the compiled libheif is wanted; see transform/heic/module.
require github.com/gen2brain/heic v0.4.5
