package owner

import (
	"path"
	"slices"
)

// ValidGlobs reports whether all patterns are valid, see [Owner.Matches].
func ValidGlobs(globs []string) bool {
	return !slices.ContainsFunc(globs, func(glob string) bool {
		_, err := path.Match(glob, "")

		return glob == "" || err != nil
	})
}

// Matches reports whether a pattern of [path.Match] matches the unit, the container, the
// Kubernetes namespace, or the namespace and the pod with a slash between them. A nil owner
// matches none.
func (o *Owner) Matches(globs []string) bool {
	if o == nil {
		return false
	}

	names := []string{o.Unit, o.Container, o.Namespace}
	if o.Pod != "" {
		names = append(names, o.Namespace+"/"+o.Pod)
	}

	return slices.ContainsFunc(globs, func(glob string) bool {
		return slices.ContainsFunc(names, func(name string) bool {
			matches, err := path.Match(glob, name)

			return err == nil && matches && name != ""
		})
	})
}
