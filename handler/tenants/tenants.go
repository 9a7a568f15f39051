// Package tenants reads the file that says for whom a server works, beside the one whom its command line describes. It knows the form
// of the file: what is a good token, source or preset is for others to say, by the place in the file from which it comes.
package tenants

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

// The bounds of a file.
const (
	MaxTenants = 10_000
	MaxBytes   = 16 << 20 // of the file itself
	maxSecrets = 64 << 10 // bytes of a file of secrets
)

// ErrFile is wrapped by all errors that are about what a file says.
var ErrFile = errors.New("the file of tenants cannot be used")

// A Tenant is one entry of the file. What the file does not say is the zero value.
type Tenant struct {
	Name  string
	Hosts []string // in lower case, without a port

	Tokens        []Text
	UploadOrigins []Text

	Sign     Text
	SignKeys []Text
	Sources  []Text

	Presets     Text // path of a file
	PresetsOnly bool
	Operations  []Text
	Sizes       []int
	Snap        bool

	MaxPixels      int64
	MaxSide        int
	MaxUploadBytes int64
	PrintsPerHour  *int // nil if it is not said: 0 is no limit
	MaxImages      int64
	MaxBytes       int64

	place  Place
	places map[string]Place // of its settings
}

// Place is a line of a file.
type Place struct {
	Path string
	Line int
}

func (p Place) String() string { return fmt.Sprintf("%s:%d", p.Path, p.Line) }

// Text is what stands at a place, or was read from where that says. It may be a secret: no error of this package has it.
type Text struct {
	Value string
	Place
}

// Values are the texts alone.
func Values(texts []Text) []string {
	var values []string
	for _, t := range texts {
		values = append(values, t.Value)
	}
	return values
}

// Wrong says of a setting of the tenant that it cannot be used, for a reason. What is wrong stands at a place, or where the setting does.
func (t *Tenant) Wrong(setting string, at Place, reason error) error {
	if at == (Place{}) {
		at = t.places[setting]
	}
	if at == (Place{}) {
		at = t.place
	}
	return fmt.Errorf("%w: %v: tenant %s: %s: %w", ErrFile, at, t.Name, setting, reason)
}

// Options say how a file is read.
type Options struct {
	// Size reads a number of bytes as a person writes it.
	Size func(text string) (int64, error)
	// Environment looks up a variable, as os.LookupEnv does.
	Environment func(name string) (value string, found bool)
}

// Read reads the file at path, and the files of secrets that it names. It returns the tenants in their order, or all that is wrong with
// them.
func Read(path string, o Options) ([]Tenant, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if info.Size() > MaxBytes {
		return nil, fmt.Errorf("%w: %s has more than %d bytes", ErrFile, path, MaxBytes)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	return parse(path, text, o)
}

// parse reads what stands in the file at path.
func parse(path string, text []byte, o Options) ([]Tenant, error) {
	var document, another yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	switch err := decoder.Decode(&document); {
	case err == io.EOF:
		// A file that is being written is no wish that there be no tenants; that is {}.
		return nil, fmt.Errorf("%w: %s is empty; {} stands for no tenants", ErrFile, path)
	case err != nil:
		return nil, fmt.Errorf("%w: %s: %w", ErrFile, path, err)
	}
	if err := decoder.Decode(&another); err != io.EOF {
		return nil, fmt.Errorf("%w: %s has more than one document", ErrFile, path)
	}
	r := &reader{options: o, path: path, folder: filepath.Dir(path), hosts: map[string]Place{}}
	r.file(document.Content[0])
	if len(r.errs) > 0 {
		return nil, errors.Join(r.errs...)
	}
	return r.tenants, nil
}
