package servers

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// The account that Azurite has, as everybody knows.
const (
	azureAccount = "devstoreaccount1"
	azureKey     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

// Azure starts an Azurite over a folder.
func Azure(t testing.TB) *CloudServer {
	t.Helper()
	program := find(t, "azurite-blob")
	host, port, address := freeAddress(t)
	c := &CloudServer{Address: address, Folder: t.TempDir()}
	buckets := 0
	c.newBucket = func() string {
		buckets++
		name := fmt.Sprintf("calotype%d", buckets)
		if err := makeAzureContainer(address, name); err != nil {
			c.t.Fatal(err)
		}
		return "azblob://" + name + "?" + url.Values{"endpoint": {"http://" + address + "/" + azureAccount}}.Encode()
	}
	c.Server = start(t, syscall.SIGTERM, listens(address), func() *exec.Cmd {
		return exec.Command(program, "--blobHost", host, "--blobPort", port, "--location", c.Folder, "--silent", "--disableTelemetry", "--skipApiVersionCheck")
	})
	t.Setenv("AZURE_STORAGE_ACCOUNT", azureAccount)
	t.Setenv("AZURE_STORAGE_KEY", azureKey)
	c.URL = c.newBucket()
	return c
}

// makeAzureContainer signs its request as "Authorize with Shared Key" of Azure's REST API describes.
func makeAzureContainer(address, name string) error {
	request, err := http.NewRequest(http.MethodPut, "http://"+address+"/"+azureAccount+"/"+name+"?restype=container", http.NoBody)
	if err != nil {
		return err
	}
	const version = "2021-12-02"
	date := time.Now().UTC().Format(http.TimeFormat)
	request.Header.Set("x-ms-date", date)
	request.Header.Set("x-ms-version", version)
	// The method, eleven headers that are empty, those of Microsoft and the resource. The account is in its name and its path.
	toSign := "PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:" + date + "\nx-ms-version:" + version +
		"\n/" + azureAccount + "/" + azureAccount + "/" + name + "\nrestype:container"
	key, err := base64.StdEncoding.DecodeString(azureKey)
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(toSign))
	request.Header.Set("Authorization", "SharedKey "+azureAccount+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		return fmt.Errorf("to a new container it says %s", answer.Status)
	}
	return nil
}
