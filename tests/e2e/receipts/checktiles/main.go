// Checks a log with the code that checks Go's own: golang.org/x/mod/sumdb/note and tlog.
//
//	checktiles [-proof FILE] [-bundle FILE]... VKEY BASE CHECKPOINT...
//
// BASE is a directory or an http(s) address, under which tile/ lies as C2SP tlog-tiles has it; with an address, the
// bearer token in $CHECKTILES_TOKEN is sent. VKEY is the verifier key of the log. Each CHECKPOINT (a file, or a name
// under BASE) must have its signature; the tiles of each tree must have its root and each entry's hash, and each
// entry must be included; each tree must be consistent with those that are larger. The proof of -proof must be the one
// of consistency between the first two checkpoints, those of -bundle the proofs of inclusion, hash by hash.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height = 8
	width  = 1 << height
)

type tree struct {
	origin string
	size   int64
	root   tlog.Hash
}

func (t tree) tlog() tlog.Tree { return tlog.Tree{N: t.size, Hash: t.root} }

func fetch(base, name string) ([]byte, error) {
	if !strings.HasPrefix(base, "http://") && !strings.HasPrefix(base, "https://") {
		return os.ReadFile(filepath.Join(base, name))
	}
	request, err := http.NewRequest("GET", strings.TrimSuffix(base, "/")+"/"+name, nil)
	if err != nil {
		return nil, err
	}
	if token := os.Getenv("CHECKTILES_TOKEN"); token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, 32<<20))
	if err == nil && answer.StatusCode != 200 {
		err = fmt.Errorf("%s: status %d", name, answer.StatusCode)
	}
	return data, err
}

// tilePath is the path of C2SP tlog-tiles: as that of Go's, without the height.
func tilePath(t tlog.Tile) string {
	path := strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", height))
	return "tile/" + strings.Replace(path, "data/", "entries/", 1)
}

// tiles reads each tile once.
type tiles struct {
	base string
	read map[tlog.Tile][]byte
}

func (r *tiles) Height() int                         { return height }
func (r *tiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}

func (r *tiles) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range list {
		data, known := r.read[t]
		if !known {
			var err error
			if data, err = fetch(r.base, tilePath(t)); err != nil {
				return nil, err
			}
			r.read[t] = data
		}
		if len(data) != t.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes, not %d", tilePath(t), len(data), t.W*tlog.HashSize)
		}
		all = append(all, data)
	}
	return all, nil
}

func readCheckpoint(vkey, base, name string) (t tree, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		if data, err = fetch(base, name); err != nil {
			return t, err
		}
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return t, err
	}
	signed, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return t, err
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) < 4 {
		return t, fmt.Errorf("%s has %d lines", name, len(lines))
	}
	if lines[0] != verifier.Name() {
		return t, fmt.Errorf("%s is of %s, not of %s", name, lines[0], verifier.Name())
	}
	if t.size, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return t, err
	}
	t.origin = lines[0]
	t.root, err = tlog.ParseHash(lines[2])
	return t, err
}

// readEntries calls f with each entry of a tree of that size.
func readEntries(base string, size int64, f func(i int64, data []byte) error) error {
	for n := int64(0); n*width < size; n++ {
		t := tlog.Tile{H: height, L: -1, N: n, W: width}
		if size-n*width < width {
			t.W = int(size - n*width)
		}
		data, err := fetch(base, tilePath(t))
		if err != nil {
			return err
		}
		for i := 0; i < t.W; i++ {
			if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
				return fmt.Errorf("%s ends within entry %d", tilePath(t), i)
			}
			end := 2 + int(binary.BigEndian.Uint16(data))
			if err := f(n*width+int64(i), data[2:end]); err != nil {
				return err
			}
			data = data[end:]
		}
		if len(data) > 0 {
			return fmt.Errorf("%s has %d bytes too many", tilePath(t), len(data))
		}
	}
	return nil
}

func checkTree(base string, t tree) error {
	reader := tlog.TileHashReader(t.tlog(), &tiles{base, map[tlog.Tile][]byte{}})
	root, err := tlog.TreeHash(t.size, reader)
	if err != nil {
		return err
	}
	if root != t.root {
		return fmt.Errorf("tiles give the root %v, the checkpoint %v", root, t.root)
	}
	return readEntries(base, t.size, func(i int64, data []byte) error {
		leaf := tlog.RecordHash(data)
		hashes, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, i)})
		if err != nil {
			return err
		}
		if hashes[0] != leaf {
			return fmt.Errorf("entry %d is not what its tile says", i)
		}
		// Each proof reads its tiles again, so not all are made of a large log.
		if t.size > 2000 && i%97 != 0 && i != t.size-1 {
			return nil
		}
		proof, err := tlog.ProveRecord(t.size, i, reader)
		if err != nil {
			return err
		}
		return tlog.CheckRecord(proof, t.size, t.root, i, leaf)
	})
}

func same(got []tlog.Hash, want []string) error {
	if len(got) != len(want) {
		return fmt.Errorf("a proof of %d hashes instead of %d", len(want), len(got))
	}
	for i := range got {
		if base64.StdEncoding.EncodeToString(got[i][:]) != want[i] {
			return fmt.Errorf("hash %d of a proof is another", i)
		}
	}
	return nil
}

func checkConsistency(base string, older, newer tree, proofFile string) error {
	reader := tlog.TileHashReader(newer.tlog(), &tiles{base, map[tlog.Tile][]byte{}})
	proof, err := tlog.ProveTree(newer.size, older.size, reader)
	if err != nil {
		return err
	}
	if proofFile != "" {
		data, err := os.ReadFile(proofFile)
		if err != nil {
			return err
		}
		if err := same(proof, strings.Fields(string(data))); err != nil {
			return err
		}
	}
	return tlog.CheckTree(proof, newer.size, newer.root, older.size, older.root)
}

func checkBundle(base string, trees []tree, file string) error {
	var bundle struct {
		VerificationMaterial struct {
			TlogEntries []struct {
				CanonicalizedBody []byte
				InclusionProof    struct {
					LogIndex, TreeSize string
					Hashes             []string
				}
			}
		}
	}
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &bundle)
	}
	if err != nil {
		return err
	}
	entry := bundle.VerificationMaterial.TlogEntries[0]
	index, err := strconv.ParseInt(entry.InclusionProof.LogIndex, 10, 64)
	if err != nil {
		return err
	}
	for _, t := range trees {
		if strconv.FormatInt(t.size, 10) != entry.InclusionProof.TreeSize {
			continue
		}
		reader := tlog.TileHashReader(t.tlog(), &tiles{base, map[tlog.Tile][]byte{}})
		proof, err := tlog.ProveRecord(t.size, index, reader)
		if err != nil {
			return err
		}
		if err := same(proof, entry.InclusionProof.Hashes); err != nil {
			return err
		}
		return tlog.CheckRecord(proof, t.size, t.root, index, tlog.RecordHash(entry.CanonicalizedBody))
	}
	return fmt.Errorf("no checkpoint of %s entries", entry.InclusionProof.TreeSize)
}

func check(vkey, base string, names, bundles []string, proofFile string) error {
	var trees []tree
	for _, name := range names {
		t, err := readCheckpoint(vkey, base, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := checkTree(base, t); err != nil {
			return fmt.Errorf("the tree of %s: %w", name, err)
		}
		for _, older := range trees {
			newer := t
			if older.size > newer.size {
				older, newer = newer, older
			}
			if err := checkConsistency(base, older, newer, proofFile); err != nil {
				return fmt.Errorf("consistency of %d and %d: %w", older.size, newer.size, err)
			}
		}
		trees = append(trees, t)
	}
	for _, file := range bundles {
		if err := checkBundle(base, trees, file); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

func main() {
	var bundles list
	proof := flag.String("proof", "", "consistency proof: base64 hashes, one a line")
	flag.Var(&bundles, "bundle", "Sigstore bundle of an entry (may be given several times)")
	flag.Parse()
	if flag.NArg() < 3 {
		fmt.Fprintln(os.Stderr, "usage: checktiles [-proof FILE] [-bundle FILE]... VKEY BASE CHECKPOINT...")
		os.Exit(2)
	}
	if err := check(flag.Arg(0), flag.Arg(1), flag.Args()[2:], bundles, *proof); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ok")
}
