// Tusd is the reference server of the protocol tus, with a folder for what is uploaded and nothing around it: what Calotype answers is compared with it.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/tus/tusd/v2/pkg/filestore"
	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/tus/tusd/v2/pkg/memorylocker"
)

func main() {
	composer := handler.NewStoreComposer()
	filestore.New(os.Args[1]).UseIn(composer)
	memorylocker.New().UseIn(composer)
	h, err := handler.NewHandler(handler.Config{StoreComposer: composer, BasePath: "/files/", MaxSize: 1_000_000})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	http.Handle("/files/", http.StripPrefix("/files/", h))
	log.Fatal(http.Serve(listener, nil))
}
