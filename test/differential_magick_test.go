//go:build differential

package test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/constant"
	"go/token"
	"go/types"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// imageMagick returns the name of ImageMagick's program, or "" where it is not installed.
func imageMagick(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"magick", "convert"} {
		if version, err := exec.Command(name, "-version").Output(); err == nil && bytes.HasPrefix(version, []byte("Version: ImageMagick")) {
			first, _, _ := strings.Cut(string(version), " https")
			t.Log(first)
			return name
		}
	}
	return ""
}

// runMagick has ImageMagick do each list of arguments to the picture, all in one process.
func runMagick(ctx context.Context, program string, picture raster, lists [][]string) ([]raster, error) {
	if len(lists) == 0 {
		return nil, nil
	}
	// What an argument sets must not hold for those behind its parentheses.
	arguments := []string{"-respect-parentheses", "pam:-", "-write", "mpr:original", "+delete"}
	for _, list := range lists {
		arguments = append(append(append(arguments, "(", "mpr:original"), list...), ")")
	}
	command := exec.CommandContext(ctx, program, append(arguments, "-depth", "16", "pam:-")...)
	command.Env = append(command.Environ(), "MAGICK_THREAD_LIMIT=1")
	command.Stdin = bytes.NewReader(picture.writePAM())
	var out, complaints bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaints
	// It also fails for what is but a warning, such as that a crop has nothing of the picture.
	failure := command.Run()
	results, err := readPAMs(&out)
	if err != nil || len(results) != len(lists) {
		return nil, fmt.Errorf("%s: %w: %d pictures for %d lists of arguments: %s", program, errors.Join(failure, err), len(results), len(lists), &complaints)
	}
	return results, nil
}

var inBraces = regexp.MustCompile(`\{[^}]*\}`)

// fill writes numbers in the place of expressions in braces, which are constants of Go: of the width w and the height h of the picture.
func fill(text string, picture raster) string {
	scope := types.NewPackage("sizes", "sizes")
	for name, value := range map[string]int{"w": picture.width, "h": picture.height} {
		scope.Scope().Insert(types.NewConst(token.NoPos, scope, name, types.Typ[types.UntypedInt], constant.MakeInt64(int64(value))))
	}
	return inBraces.ReplaceAllStringFunc(text, func(braces string) string {
		value, err := types.Eval(token.NewFileSet(), scope, token.NoPos, braces[1:len(braces)-1])
		if err != nil {
			panic(fmt.Sprintf("%s: %v", braces, err)) // the table is wrong
		}
		return value.Value.String()
	})
}
