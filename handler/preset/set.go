package preset

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"calotype/transform"
)

// A Set is the presets of a tenant at the moment. Those of the file hide those that were sent and have the same name. Its methods
// may be called concurrently.
type Set struct {
	current atomic.Pointer[transform.Presets]

	mutex        sync.Mutex
	inFile, sent []transform.Preset
	faults       []*transform.PresetError
}

// NewSet returns a set of the presets of a file, which were checked.
func NewSet(inFile []transform.Preset) *Set {
	s := &Set{inFile: inFile}
	s.renew()
	return s
}

// Current returns the presets as they are now. Another pointer tells that something has changed.
func (s *Set) Current() *transform.Presets { return s.current.Load() }

// InFile returns the presets of the file.
func (s *Set) InFile() []transform.Preset {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.inFile
}

// Send replaces the presets that were sent, and returns what is wrong among them and those of the file. What is wrong is left out. If
// they are those that were sent before, nothing changes.
func (s *Set) Send(list []transform.Preset) []*transform.PresetError {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if slices.Equal(list, s.sent) {
		return nil
	}
	s.sent = list
	s.renew()
	return s.faults
}

// MayLoad returns an error if a file takes back what it has said before, by giving a version another chain than it had: what was made
// by that is kept for ever elsewhere.
func (s *Set) MayLoad(inFile []transform.Preset) error {
	was := map[version]string{}
	for _, p := range s.InFile() {
		was[version{p.Name, p.Version}] = p.Chain
	}
	for _, p := range inFile {
		if chain, known := was[version{p.Name, p.Version}]; known && chain != p.Chain && p.Version > 0 {
			return fmt.Errorf("preset %s: version %d was another chain; a new one needs a number of its own", p.Name, p.Version)
		}
	}
	return nil
}

type version struct {
	name   string
	number int
}

// Load replaces the presets of the file, if they may be, and returns the cache tags of all that is another now.
func (s *Set) Load(inFile []transform.Preset) (tags []string, err error) {
	if err := s.MayLoad(inFile); err != nil {
		return nil, err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if slices.Equal(inFile, s.inFile) {
		return nil, nil
	}
	before := s.all()
	s.inFile = inFile
	s.renew()
	return Changed(before, s.all()), nil
}

// Breaks returns what is wrong with presets that are to be sent in place of others, and was not wrong before.
func (s *Set) Breaks(before, after []transform.Preset) error {
	inFile := s.InFile()
	_, known := transform.NewPresets(hidden(inFile, before))
	_, faults := transform.NewPresets(hidden(inFile, after))
	return join(slices.DeleteFunc(faults, func(fault *transform.PresetError) bool {
		return slices.ContainsFunc(known, func(old *transform.PresetError) bool {
			return old.Name == fault.Name && old.Version == fault.Version
		})
	}))
}

// Fault returns what is wrong with a version of a preset, or nil.
func (s *Set) Fault(name string, version int) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, fault := range s.faults {
		if fault.Name == name && fault.Version == version {
			return fault.Err
		}
	}
	return nil
}

// Has tells whether the file has a preset of a name.
func (s *Set) Has(name string) bool {
	return slices.ContainsFunc(s.InFile(), func(p transform.Preset) bool { return p.Name == name })
}

// renew makes the current presets anew. The caller holds the mutex.
func (s *Set) renew() {
	presets, faults := transform.NewPresets(s.all())
	s.faults = faults
	s.current.Store(presets)
}

func (s *Set) all() []transform.Preset { return hidden(s.inFile, s.sent) }

// hidden returns the presets of a file, and those that were sent under other names.
func hidden(inFile, sent []transform.Preset) []transform.Preset {
	all, named := slices.Clone(inFile), map[string]bool{}
	for _, p := range inFile {
		named[p.Name] = true
	}
	for _, p := range sent {
		if !named[p.Name] {
			all = append(all, p)
		}
	}
	return all
}

// TagPrefix begins the cache tags of presets.
const TagPrefix = "preset-"

// Tag is the cache tag of all that was made by the newest version of a preset, whichever that was.
func Tag(name string) string { return TagPrefix + name }

// TagOfVersion is the cache tag of all that was made by a version which the address names.
func TagOfVersion(name string, version int) string {
	return fmt.Sprintf("%s.%d", Tag(name), version)
}

// Tags are the cache tags of what was made by presets.
func Tags(uses []transform.Use) (tags []string) {
	for _, u := range uses {
		if u.Pinned {
			tags = append(tags, TagOfVersion(u.Name, u.Version))
		} else {
			tags = append(tags, Tag(u.Name))
		}
	}
	return tags
}

// Changed returns the cache tags of what is no more as it was.
func Changed(before, after []transform.Preset) (tags []string) {
	stays := map[transform.Preset]bool{}
	for _, p := range after {
		stays[p] = true
	}
	for _, p := range before {
		if p.Version > 0 && !stays[p] {
			tags = append(tags, TagOfVersion(p.Name, p.Version))
		}
	}
	now := newest(after)
	for name, p := range newest(before) {
		if now[name] != p {
			tags = append(tags, Tag(name))
		}
	}
	slices.Sort(tags)
	return tags
}

// newest returns the newest versions of presets, by name.
func newest(list []transform.Preset) map[string]transform.Preset {
	byName := map[string]transform.Preset{}
	for _, p := range list {
		if p.Version >= byName[p.Name].Version {
			byName[p.Name] = p
		}
	}
	return byName
}
