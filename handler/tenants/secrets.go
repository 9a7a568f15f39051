package tenants

import (
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// secrets reads a list of secrets. One is a text, or {env: NAME}, the name of a variable of the environment that holds one or several with commas
// between them, or {file: PATH}, a file that has one in a line, beside empty lines and lines that begin with #.
func (r *reader) secrets(n *yaml.Node) (list []Text) {
	for _, item := range items(n) {
		if item.Kind != yaml.MappingNode {
			if t, good := r.text(item); good {
				list = append(list, t)
			}
			continue
		}
		for key, value := range r.pairs(item, "env or file") {
			value = resolve(value)
			switch key.Value {
			case "env":
				list = append(list, r.fromEnvironment(value)...)
			case "file":
				list = append(list, r.fromFile(value)...)
			default:
				r.fail(key, "a secret is a text, {env: NAME} or {file: PATH}, and has no %q", key.Value)
			}
		}
	}
	return list
}

func (r *reader) fromEnvironment(n *yaml.Node) []Text {
	name, good := r.text(n)
	if !good {
		return nil
	}
	value, found := r.options.Environment(name.Value)
	list := split(value, ",")
	if !found || len(list) == 0 {
		r.fail(n, "the variable %s is not set in the environment of the server, or is empty", name.Value)
	}
	return r.texted(n, list)
}

func (r *reader) fromFile(n *yaml.Node) []Text {
	path := r.filePath(n)
	if path.Value == "" {
		return nil
	}
	list, err := ReadSecrets(path.Value)
	if err != nil {
		r.fail(n, "%w", err)
	}
	return r.texted(n, list)
}

// ReadSecrets reads a file of secrets, one in a line, beside empty lines and lines that begin with #. One at least must be there.
func ReadSecrets(path string) ([]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSecrets))
	if err != nil {
		return nil, err
	}
	list := split(string(text), "\n")
	if len(list) == 0 {
		return nil, fmt.Errorf("%s holds no secret", path)
	}
	return list, nil
}

// split returns the secrets between separators.
func split(text, separator string) (list []string) {
	for part := range strings.SplitSeq(text, separator) {
		if part = strings.TrimSpace(part); part != "" && part[0] != '#' {
			list = append(list, part)
		}
	}
	return list
}

// texted says of secrets where they come from.
func (r *reader) texted(n *yaml.Node, list []string) (texts []Text) {
	for _, secret := range list {
		texts = append(texts, Text{secret, r.at(n)})
	}
	return texts
}
