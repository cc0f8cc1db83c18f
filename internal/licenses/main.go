// Licenses lists the licenses of the modules in a software bill of materials (CycloneDX in
// JSON, on the standard input), and fails if a module has no permissive license. The
// packages distribute a binary that contains all of them.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// permissive reports whether a license, given by its SPDX identifier, requires only that its
// notice is included, as the packages do. The scanner reports Go's own license as
// BSD-Source-Code.
func permissive(id string) bool {
	switch id {
	case "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSD-Source-Code", "ISC", "MIT":
		return true
	default:
		return false
	}
}

// standardLibrary is the name of the standard library's component, for which the scanner
// finds no license. Its license is Go's.
const standardLibrary = "std"

// bill is what the check needs of a bill of materials.
type bill struct {
	Components []component `json:"components"`
}

type component struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Evidence struct {
		Licenses []struct {
			License struct {
				ID string `json:"id"`
			} `json:"license"`
		} `json:"licenses"`
	} `json:"evidence"`
}

// licenses returns the SPDX identifiers of the licenses found.
func (c *component) licenses() []string {
	var all []string
	for _, l := range c.Evidence.Licenses {
		all = append(all, l.License.ID)
	}

	return all
}

func main() {
	if err := list(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "licenses:", err)
		os.Exit(1)
	}
}

// list writes a line for each module. The error names the modules without a permissive
// license.
func list(r io.Reader, w io.Writer) error {
	var b bill
	if err := json.NewDecoder(r).Decode(&b); err != nil {
		return err
	}

	if len(b.Components) == 0 {
		return errors.New("no modules in the bill of materials")
	}

	var refused []string

	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)

	for _, c := range b.Components {
		if c.Name == standardLibrary {
			continue
		}

		found := c.licenses()
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", c.Name, c.Version, strings.Join(found, ", "))

		if !slices.ContainsFunc(found, permissive) {
			refused = append(refused, c.Name)
		}
	}

	if err := table.Flush(); err != nil {
		return err
	}

	if len(refused) > 0 {
		return fmt.Errorf("no permissive license: %s", strings.Join(refused, ", "))
	}

	return nil
}
