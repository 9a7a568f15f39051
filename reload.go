package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// A reading takes a file that may have changed, in the place of what it said before. If the file cannot be used, all stays as it was.
type reading struct {
	option, path string
	take         func() error
}

// reload takes files anew at each SIGHUP, until ctx ends. Without files it leaves the signal to end the process, as a terminal that is
// closed means it. The signal is heeded when it returns.
func reload(ctx context.Context, log *slog.Logger, readings []reading) {
	if len(readings) == 0 {
		return
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		defer signal.Stop(hangups)
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
			}
			for _, r := range readings {
				if err := r.take(); err != nil {
					log.Error("a file was not taken: what it said before still holds", "option", r.option, "file", r.path, "error", err)
				} else {
					log.Info("a file was read again", "option", r.option, "file", r.path)
				}
			}
		}
	}()
}
