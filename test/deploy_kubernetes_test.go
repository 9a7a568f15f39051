//go:build deploy

package test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	strict "sigs.k8s.io/yaml"
)

// A cluster is what the manifests of deploy/kubernetes ask for.
type cluster struct {
	config     corev1.ConfigMap
	secret     corev1.Secret
	deployment appsv1.Deployment
	service    corev1.Service
	disruption policyv1.PodDisruptionBudget
	network    networkingv1.NetworkPolicy
	ingress    networkingv1.Ingress
	migrate    batchv1.Job

	// Those of uploads that can be resumed.
	filesService corev1.Service
	filesIngress networkingv1.Ingress
}

// manifests reads them by the types that the API server has, and finds fields that it does not know.
func manifests(t *testing.T) *cluster {
	t.Helper()
	var c cluster
	kinds := map[string]any{
		"v1 ConfigMap": &c.config, "v1 Secret": &c.secret, "apps/v1 Deployment": &c.deployment, "v1 Service": &c.service,
		"policy/v1 PodDisruptionBudget": &c.disruption, "networking.k8s.io/v1 NetworkPolicy": &c.network,
		"networking.k8s.io/v1 Ingress": &c.ingress, "batch/v1 Job": &c.migrate,
		"v1 Service calotype-files": &c.filesService, "networking.k8s.io/v1 Ingress calotype-files": &c.filesIngress,
	}
	seen := map[string]bool{}
	for _, pattern := range []string{"*.yaml", "once/*.yaml"} {
		files, err := filepath.Glob(filepath.Join("..", "deploy", "kubernetes", pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("there are no manifests: %v", err)
		}
		for _, path := range files {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for documents := yaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(data))); ; {
				document := make([]byte, len(data)+1)
				n, err := documents.Read(document)
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				var kind struct {
					APIVersion, Kind string
					Metadata         struct{ Name string }
				}
				if err := strict.Unmarshal(document[:n], &kind); err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				name := kind.APIVersion + " " + kind.Kind
				if _, another := kinds[name+" "+kind.Metadata.Name]; another {
					name += " " + kind.Metadata.Name
				}
				into, known := kinds[name]
				if !known || seen[name] {
					t.Fatalf("%s: there is one %s too many", path, name)
				}
				seen[name] = true
				if err := strict.UnmarshalStrict(document[:n], into); err != nil {
					t.Errorf("%s: %v", path, err)
				}
			}
		}
	}
	if len(seen) != len(kinds) {
		t.Fatalf("only %v were found", seen)
	}
	return &c
}

// The pods are set by options that there are, are asked where they listen for that, and have the time that they may take to stop.
func TestDeployKubernetesPods(t *testing.T) {
	c := manifests(t)
	pod := c.deployment.Spec.Template.Spec
	container := pod.Containers[0]
	environment := map[string]string{}
	for name, value := range c.config.Data {
		environment[name] = value
	}
	for _, e := range container.Env {
		environment[e.Name] = e.Value
	}
	usual := serveOptions(t)
	for _, variable := range []string{"CALOTYPE_LISTEN", "CALOTYPE_DATA", "CALOTYPE_SHUTDOWN_WAIT"} {
		usual[variable] = imageOption(t, variable)
	}
	options := settle(t, usual, environment)

	// Ports and probes.
	port := func(name string) string {
		for _, p := range container.Ports {
			if p.Name == name {
				return "0.0.0.0:" + strconv.Itoa(int(p.ContainerPort))
			}
		}
		t.Fatalf("there is no port %s", name)
		return ""
	}
	if port("http") != options["CALOTYPE_LISTEN"] || port("admin") != options["CALOTYPE_ADMIN_LISTEN"] {
		t.Errorf("the ports are %v, and the program listens on %s and %s", container.Ports, options["CALOTYPE_LISTEN"], options["CALOTYPE_ADMIN_LISTEN"])
	}
	running := start(t)
	for name, probe := range map[string]*corev1.Probe{"startup": container.StartupProbe, "readiness": container.ReadinessProbe, "liveness": container.LivenessProbe} {
		if probe.HTTPGet.Port.StrVal != "admin" {
			t.Errorf("the %s probe asks %s", name, probe.HTTPGet.Port.String())
		}
		if r := status(t, "http://"+running.admin+probe.HTTPGet.Path); r != 200 {
			t.Errorf("the %s probe asks for %s, which is answered %d", name, probe.HTTPGet.Path, r)
		}
	}
	if container.ReadinessProbe.HTTPGet.Path == container.LivenessProbe.HTTPGet.Path {
		t.Error("a pod whose store does not answer is restarted")
	}

	// Its end.
	wait := time.Duration(container.Lifecycle.PreStop.Sleep.Seconds)*time.Second + seconds(t, options["CALOTYPE_DRAIN_WAIT"]) + seconds(t, options["CALOTYPE_SHUTDOWN_WAIT"])
	if grace := time.Duration(*pod.TerminationGracePeriodSeconds) * time.Second; grace <= wait {
		t.Errorf("a pod is killed after %v and may take %v to stop", grace, wait)
	}
	if least, all := c.disruption.Spec.MinAvailable.IntValue(), int(*c.deployment.Spec.Replicas); least >= all {
		t.Errorf("of %d pods %d must be left: no node can be emptied", all, least)
	}

	// What it may do, and where it may write.
	for name, p := range map[string]corev1.PodSpec{"deployment": pod, "job": c.migrate.Spec.Template.Spec} {
		own := p.Containers[0].SecurityContext
		switch s := p.SecurityContext; {
		case *s.RunAsUser != userOfImage(t) || !*s.RunAsNonRoot || *s.FSGroup != *s.RunAsGroup:
			t.Errorf("%s: it runs as user %d", name, *s.RunAsUser)
		case s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault:
			t.Errorf("%s: the profile is %s", name, s.SeccompProfile.Type)
		case *own.AllowPrivilegeEscalation || !*own.ReadOnlyRootFilesystem || !slices.Equal(own.Capabilities.Drop, []corev1.Capability{"ALL"}):
			t.Errorf("%s: it may do more than it needs", name)
		case *p.AutomountServiceAccountToken || *p.EnableServiceLinks:
			t.Errorf("%s: it is told of the cluster", name)
		}
		mounts := p.Containers[0].VolumeMounts
		if !slices.ContainsFunc(mounts, func(m corev1.VolumeMount) bool { return m.MountPath == options["CALOTYPE_DATA"] && !m.ReadOnly }) {
			t.Errorf("%s: nothing is mounted at %s", name, options["CALOTYPE_DATA"])
		}
	}
	for _, file := range []string{"CALOTYPE_TOKEN_FILE", "PGPASSFILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		folder, key := filepath.Split(environment[file])
		if _, known := c.secret.StringData[key]; !known || !slices.ContainsFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath+"/" == folder }) {
			t.Errorf("%s is %s, which is no file of the Secret", file, environment[file])
		}
	}
}

// A token that nobody has set lets nobody start.
func TestDeployKubernetesSecretMustBeSet(t *testing.T) {
	c := manifests(t)
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(c.secret.StringData["token"]), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, binary(t), "serve", "--listen=127.0.0.1:0", "--admin-listen=off", "--data="+t.TempDir(), "--token-file="+path).CombinedOutput()
	if err == nil || ctx.Err() != nil || !strings.Contains(string(out), "token") {
		t.Errorf("the program starts with it: %v: %s", err, out)
	}
}

// What selects pods selects these, and the Job runs a command that there is.
func TestDeployKubernetesNames(t *testing.T) {
	c := manifests(t)
	labels := c.deployment.Spec.Template.Labels
	for name, selector := range map[string]map[string]string{
		"deployment": c.deployment.Spec.Selector.MatchLabels, "service": c.service.Spec.Selector, "service of uploads": c.filesService.Spec.Selector,
		"disruption budget": c.disruption.Spec.Selector.MatchLabels, "network policy": c.network.Spec.PodSelector.MatchLabels,
	} {
		for key, value := range selector {
			if labels[key] != value || c.migrate.Spec.Template.Labels[key] == value {
				t.Errorf("the %s selects %v", name, selector)
			}
		}
		if len(selector) == 0 {
			t.Errorf("the %s selects all", name)
		}
	}
	for _, way := range []struct {
		ingress networkingv1.Ingress
		service corev1.Service
	}{{c.ingress, c.service}, {c.filesIngress, c.filesService}} {
		backend, port := way.ingress.Spec.Rules[0].HTTP.Paths[0].Backend.Service, way.service.Spec.Ports[0]
		if backend.Name != way.service.Name || backend.Port.Name != port.Name || port.TargetPort.StrVal != "http" {
			t.Errorf("the ingress %s leads to %s, port %s", way.ingress.Name, backend.Name, backend.Port.Name)
		}
	}
	if got, want := c.filesIngress.Spec.Rules[0].Host, c.ingress.Spec.Rules[0].Host; got != want {
		t.Errorf("images are at %s, and uploads at %s", want, got)
	}
	for _, pod := range []corev1.PodSpec{c.deployment.Spec.Template.Spec, c.migrate.Spec.Template.Spec} {
		container := pod.Containers[0]
		for _, e := range container.Env {
			if strings.HasPrefix(e.Name, "CALOTYPE_") && !knows(t, container.Args[0], e.Name) {
				t.Errorf("calotype %s has no option for %s", container.Args[0], e.Name)
			}
			if e.ValueFrom != nil && (e.ValueFrom.ConfigMapKeyRef.Name != c.config.Name || c.config.Data[e.ValueFrom.ConfigMapKeyRef.Key] == "") {
				t.Errorf("%s is nowhere", e.Name)
			}
		}
		for _, volume := range pod.Volumes {
			if volume.Secret != nil && volume.Secret.SecretName != c.secret.Name {
				t.Errorf("there is no Secret %s", volume.Secret.SecretName)
			}
		}
	}
}
