package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"calotype/store"
)

// sayEvery is the time between two lines that tell how far a command is.
const sayEvery = 5 * time.Second

// A progress tells how far a command is: by a bar on a terminal, else by a line now and then.
type progress struct {
	out      io.Writer
	terminal bool
	bar      *progressbar.ProgressBar // nil until there is something to show
	said     time.Time
}

func newProgress(out io.Writer) *progress {
	f, ok := out.(*os.File)
	return &progress{out: out, terminal: ok && term.IsTerminal(int(f.Fd())), said: time.Now()}
}

// show is for one goroutine at a time.
func (p *progress) show(r store.CopyResult) {
	p.tell(r.Done, r.Total, fmt.Sprintf("%s of %s images, %s copied", humanize.Comma(int64(r.Done)), humanize.Comma(int64(r.Total)), humanize.Bytes(uint64(r.Bytes))))
}

// tell says how much is done of a whole, in words too. It is for one goroutine at a time.
func (p *progress) tell(done, whole int, said string) {
	switch {
	case p.terminal && p.bar == nil:
		p.bar = progressbar.NewOptions(whole,
			progressbar.OptionSetWriter(p.out), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetWidth(20),
			progressbar.OptionSetPredictTime(true), progressbar.OptionSetElapsedTime(false), progressbar.OptionShowDescriptionAtLineEnd(),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetDescription(said))
	case p.terminal:
		p.bar.Describe(said)
		p.bar.Set(done)
	case time.Since(p.said) >= sayEvery:
		p.said = time.Now()
		fmt.Fprintln(p.out, said)
	}
}

// end takes the bar away, so that other lines can follow.
func (p *progress) end() {
	if p.bar != nil {
		p.bar.Clear()
	}
}
