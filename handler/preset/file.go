// Package preset keeps the presets of a tenant: those of a file, and those that were sent to the server.
package preset

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"go.yaml.in/yaml/v3"

	"calotype/transform"
)

// maxFile is the largest file of presets, in bytes.
const maxFile = 1 << 20

// A File is what a file of presets says, in YAML:
//
//	avatar: crop:ar=1x1/resize:160/round:max.webp
//	card:
//	  1: crop:ar=16x9/resize:480
//	  2: crop:ar=16x9/resize:640/quality:75
//
// A name stands before a chain, or before several that are numbered, of which that with the highest number is the newest.
type File map[string]Chains

// Chains are the chains of one name by their versions. A chain without a number is version 0, and alone.
type Chains map[int]string

// UnmarshalYAML reads a chain, or chains by their numbers.
func (c *Chains) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*c = Chains{0: node.Value}
		return nil
	}
	var numbered map[int]string
	if err := node.Decode(&numbered); err != nil {
		return err
	}
	if len(numbered) == 0 || numbered[0] != "" {
		return fmt.Errorf("line %d: chains are numbered from 1", node.Line)
	}
	*c = numbered
	return nil
}

// Presets returns what is in the file, by name and version.
func (f File) Presets() (list []transform.Preset) {
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if len(f[name]) == 0 { // nothing stands behind it, which is no chain
			list = append(list, transform.Preset{Name: name})
		}
		for _, version := range slices.Sorted(maps.Keys(f[name])) {
			list = append(list, transform.Preset{Name: name, Version: version, Chain: f[name][version]})
		}
	}
	return list
}

// ReadFile reads a file of presets and checks it.
func ReadFile(path string) ([]transform.Preset, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s: more than %d bytes", path, maxFile)
	}
	list, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}

func parse(text []byte) ([]transform.Preset, error) {
	var f File
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the presets")
	}
	list := f.Presets()
	return list, Check(list)
}

// Check returns what is wrong with presets that need no others.
func Check(list []transform.Preset) error {
	_, faults := transform.NewPresets(list)
	return join(faults)
}

func join(faults []*transform.PresetError) error {
	var all []error
	for _, fault := range faults {
		all = append(all, fault)
	}
	return errors.Join(all...)
}
