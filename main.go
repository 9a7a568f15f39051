// Calotype keeps one original of an image and makes any number of prints of it on demand, by URL.
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"calotype/store/cloud"
	"calotype/transform"
)

// version is set by the linker.
var version = "unknown"

// commands are what the program does. Every option is a flag and an environment variable; flags win.
type commands struct {
	Serve       serveCommand       `cmd:"" default:"withargs" help:"Serve uploads and prints over HTTP (the default)."`
	Migrate     migrateCommand     `cmd:"" help:"Bring the index up to date and end. Serve does that too; this is for those who want it apart."`
	Backup      backupCommand      `cmd:"" help:"Copy all images into a folder, beside a running server: the backup."`
	Restore     restoreCommand     `cmd:"" help:"Copy all images of a backup to where they are served from."`
	Export      exportCommand      `cmd:"" help:"Copy all images from here to another data folder, bucket or database."`
	Import      importCommand      `cmd:"" help:"Copy all images from another data folder, bucket or database to here."`
	Scrub       scrubCommand       `cmd:"" help:"Read all images and check that their bytes are those that were uploaded, beside a running server."`
	GC          gcCommand          `cmd:"" name:"gc" help:"Delete bytes that belong to no image, as crashes leave them, beside a running server."`
	Sign        signCommand        `cmd:"" help:"Sign addresses of images, for a server that wants signatures (--sign)."`
	Healthcheck healthcheckCommand `cmd:"" help:"Ask a server on this machine whether it is well; exit with 1 if not."`
	Version     versionCommand     `cmd:"" help:"Print the versions of the program and of libvips, and the formats it knows."`
}

func newParser(c *commands, options ...kong.Option) (*kong.Kong, error) {
	return kong.New(c, append([]kong.Option{
		kong.Name("calotype"),
		kong.Description("One original, any number of prints: an image origin that is asked by URL."),
		kong.DefaultEnvars("CALOTYPE"),
		kong.UsageOnError(),
	}, options...)...)
}

func main() {
	transform.RunWorker()
	var c commands
	p, err := newParser(&c)
	if err != nil {
		panic(err) // the declaration above is wrong
	}
	command, err := p.Parse(os.Args[1:])
	p.FatalIfErrorf(err)

	// The first signal ends the service in good order; a second one ends the process.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	command.BindTo(ctx, (*context.Context)(nil))
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	log.SetFlags(0)
	log.SetOutput(libraryLog{logger})
	if err := command.Run(logger, outputs{os.Stdout, os.Stderr}); err != nil {
		fmt.Fprintf(os.Stderr, "calotype: %v\n", err)
		os.Exit(1)
	}
}

type versionCommand struct{}

func (versionCommand) Run() error {
	engine, err := transform.NewEngine(transform.Options{Workers: 1})
	if err != nil {
		return err
	}
	defer engine.Close()
	fmt.Printf("calotype %s\nlibvips %s\n%s %s/%s\n", version, transform.LibvipsVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Printf("blobs %s\n", strings.Join(append([]string{"file"}, cloud.Schemes()...), " "))
	for _, c := range engine.Capabilities() {
		fmt.Printf("%-5s read %-5t write %t\n", c.Format, c.Read, c.Write)
	}
	return nil
}
