package io.github.oft4j.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Documents as the program that measures prints them, and programs that stand in for it. */
final class BenchFixture {
  private final Path folder;

  BenchFixture(Path folder) {
    this.folder = folder;
  }

  /**
   * Two cases: a merge beside a bound and PEFT, and memory.
   *
   * @param peftSeconds that PEFT's merge takes; ours takes 0.01
   */
  static String document(double peftSeconds) {
    return """
    {"format": "oft-bench-1", "tiny": false, "runs": 3,
     "machine": {"processor": "a processor", "threads": 2, "blas": "a BLAS", "onednn": "none",
      "multiply_adds_per_second": 1.2e11, "bytes_copied_per_second": 1e10,
      "oft": {"oft": "0.1.0", "torch": "2.13.0", "isa": "avx2", "linear": "auto"}},
     "peer": {"peft": "0.21.0", "torch": "2.13.0", "python": "3.11.2", "threads": 2},
     "left_out": ["train: all-MiniLM-L6-v2: not there"],
     "measurements": [
      {"work": "merge", "case": "4096×4096, b 32", "unit": "s", "contenders": [
       {"name": "oft", "role": "ours", "median": 0.01, "lowest": 0.009, "highest": 0.012},
       {"name": "FMA peak", "role": "bound", "median": 0.005, "lowest": 0.005, "highest": 0.006},
       {"name": "PEFT OFT", "role": "peer", "median": %s, "lowest": 0.9, "highest": 1.1}]},
      {"work": "train", "case": "memory", "unit": "B", "contenders": [
       {"name": "oft", "role": "ours", "median": 6e8, "lowest": 6e8, "highest": 6e8},
       {"name": "PEFT OFT", "role": "peer", "median": 9e8, "lowest": 9e8, "highest": 9e8}]}]}
    """
        .formatted(peftSeconds);
  }

  Path write(String name, String document) throws IOException {
    return Files.writeString(folder.resolve(name), document);
  }

  /** A program of the shell. */
  Path program(String script) throws IOException {
    Path program = Files.writeString(folder.resolve("program"), "#!/bin/sh\n" + script + "\n");
    if (!program.toFile().setExecutable(true)) {
      throw new IOException("cannot make " + program + " executable");
    }
    return program;
  }
}
