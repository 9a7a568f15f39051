//go:build servers

package test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// putPreset sends a preset to a server, and returns the status and what is answered.
func putPreset(t *testing.T, address, name, chain string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "PUT", address+"/presets/"+name, strings.NewReader(fmt.Sprintf(`{"chain": %q}`, chain)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return response.StatusCode, string(body)
}

// presetsOfMany tests what servers with one index must agree on in presets; id is that of an image.
func presetsOfMany(t *testing.T, f *fleet, id string) {
	widthAt := func(o *origin, preset string) int {
		var print struct{ Width int }
		answer := get(t, o.address(), "/download/"+id+"/preset:"+preset+".json")
		if answer.status != 200 {
			return -answer.status
		}
		if err := json.Unmarshal(answer.body, &print); err != nil {
			t.Fatal(err)
		}
		return print.Width
	}
	// What is changed at one counts at all within a second, though the answer comes once the caches in front were told.
	for i := range 6 {
		width, done := 20+i, make(chan bool)
		began := time.Now()
		go func() {
			defer close(done)
			if status, body := putPreset(t, f.origins[i%3].address(), "small", fmt.Sprintf("resize:%d.png", width)); status >= 300 {
				t.Errorf("the change is answered %d %s", status, body)
			}
		}()
		for at, o := range f.origins {
			for widthAt(o, "small") != width && time.Since(began) < 10*time.Second {
				time.Sleep(time.Millisecond)
			}
			if took := time.Since(began); took > soon {
				t.Errorf("change %d counts at server %d after %v", i, at, took)
			}
		}
		<-done
		for _, o := range f.origins {
			for version := 1; version <= i+1; version++ {
				if got := widthAt(o, fmt.Sprintf("small,%d", version)); got != 19+version {
					t.Errorf("version %d is %d wide", version, got)
				}
			}
		}
	}
	// Of two changes that make a circle together, one is refused.
	for round := range 3 {
		a, b := fmt.Sprint("a", round), fmt.Sprint("b", round)
		putPreset(t, f.origins[0].address(), a, "flip:h")
		putPreset(t, f.origins[1].address(), b, "flip:v")
		statuses := make([]int, 2)
		together(2, func(i int) {
			name, other := a, b
			if i == 1 {
				name, other = b, a
			}
			statuses[i], _ = putPreset(t, f.origins[1+i].address(), name, "preset:"+other)
		})
		if min(statuses[0], statuses[1]) != 200 || max(statuses[0], statuses[1]) != 400 {
			t.Errorf("two that make a circle are answered %v", statuses)
		}
		for _, o := range f.origins {
			for _, name := range []string{a, b} {
				for end := time.Now().Add(soon); widthAt(o, name) < 0; time.Sleep(time.Millisecond) {
					if time.Now().After(end) {
						t.Fatalf("%s is answered %d", name, -widthAt(o, name))
					}
				}
			}
		}
	}
	// Who was not there when it was changed knows it once he is back.
	f.origins[2].end(syscall.SIGTERM)
	putPreset(t, f.origins[0].address(), "small", "resize:7.png")
	f.origins[2].start()
	if got := widthAt(f.origins[2], "small"); got != 7 {
		t.Errorf("after a restart it is %d wide", got)
	}
}
