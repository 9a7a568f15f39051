package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"calotype/handler"
	"calotype/store"
	"calotype/transform"
)

// serveCommand is the service. The table of options in the README is made from this declaration.
type serveCommand struct {
	Listen         string        `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to listen on. Everyone who reaches it may upload."`
	Data           string        `default:"./data" placeholder:"DIR" help:"Folder that keeps originals and their index."`
	CacheBytes     byteSize      `default:"256MB" placeholder:"SIZE" help:"Memory for finished prints."`
	MaxUploadBytes byteSize      `default:"32MB" placeholder:"SIZE" help:"Largest image that is taken."`
	MaxPixels      int64         `default:"50000000" placeholder:"N" help:"Most pixels of an image, all frames together, before and after every step."`
	MaxSide        int           `default:"16384" placeholder:"N" help:"Longest side of a print, and of its picture after every step, in pixels."`
	Deadline       time.Duration `default:"10s" placeholder:"TIME" help:"Longest time that a print may take, waiting included."`
	Workers        int           `default:"0" placeholder:"N" help:"Prints made at once; 0 means one for each core."`
	ShutdownWait   time.Duration `default:"20s" placeholder:"TIME" help:"Longest time to finish what runs after SIGTERM."`
}

// Validate refuses what cannot be meant. Kong calls it.
func (c *serveCommand) Validate() error {
	switch {
	case c.CacheBytes < 0:
		return errors.New("--cache-bytes must not be negative")
	case c.MaxUploadBytes < 1:
		return errors.New("--max-upload-bytes must be at least 1")
	case c.MaxPixels < 1:
		return errors.New("--max-pixels must be at least 1")
	case c.MaxSide < 1:
		return errors.New("--max-side must be at least 1")
	case c.Deadline <= 0:
		return errors.New("--deadline must be above 0")
	case c.Workers < 0:
		return errors.New("--workers must not be negative")
	}
	return nil
}

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context, log *slog.Logger) error {
	return c.serve(ctx, log, os.Stdout)
}

// serve tells on out where it listens, once it does.
func (c *serveCommand) serve(ctx context.Context, log *slog.Logger, out io.Writer) error {
	originals, err := store.OpenLocal(ctx, c.Data)
	if err != nil {
		return err
	}
	defer originals.Close()
	engine, err := transform.NewEngine(transform.Options{
		Workers: c.Workers, Deadline: c.Deadline,
		Limits: transform.Limits{Pixels: c.MaxPixels, Side: c.MaxSide},
	})
	if err != nil {
		return err
	}
	h, err := handler.New(handler.Options{
		Store: originals, Engine: engine, CacheBytes: int64(c.CacheBytes), MaxUploadBytes: int64(c.MaxUploadBytes), Log: log,
	})
	if err != nil {
		return err
	}
	defer h.Close()
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	server := handler.Server(h)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	address := "http://" + listener.Addr().String()
	fmt.Fprintf(out, "Calotype %s with libvips %s serves %s\n  upload images:  %s/upload-image\n  see them all:   %s/download\n",
		version, transform.LibvipsVersion(), c.Data, address, address)

	if tcp, ok := listener.Addr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		log.Warn("this address is not only for this machine: whoever reaches it may upload and see all images", "address", c.Listen)
	}

	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	log.Info("stopping: no new connections, finishing what runs")
	wait, cancel := context.WithTimeout(context.Background(), c.ShutdownWait)
	defer cancel()
	if err := server.ShutdownWithContext(wait); err != nil {
		return fmt.Errorf("some requests did not end within %v: %w", c.ShutdownWait, err)
	}
	return nil
}
