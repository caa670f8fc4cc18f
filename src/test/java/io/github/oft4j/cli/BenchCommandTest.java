package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchCommandTest {
  private static final String PROGRAM = "oft4j.bench";

  @TempDir Path folder;
  private BenchFixture fixture;

  @BeforeEach
  void makeFixture() {
    fixture = new BenchFixture(folder);
  }

  @AfterEach
  void forgetTheProgram() {
    System.clearProperty(PROGRAM);
  }

  @Test
  void tabulatesMediansSpreadAndRatios() throws IOException {
    CliRun run = run(BenchFixture.document(1.0), "merge", "--runs", "3").expect(ExitCode.DONE);
    List<String> lines = run.out().lines().toList();
    assertTrue(
        lines.get(2).matches("  work +contender +median +lowest … highest +÷ oft +oft ÷"),
        run.out());
    assertTrue(
        lines.get(3).matches("  merge  4096×4096, b 32  oft +10\\.0 ms  9\\.00 ms … 12\\.0 ms"),
        run.out());
    assertTrue(lines.get(4).matches(" +FMA peak +5\\.00 ms .* 0\\.50 × +2\\.00 ×"), run.out());
    assertTrue(lines.get(5).matches(" +PEFT OFT +1\\.00 s .* 100 × +0\\.010 ×"), run.out());
    assertTrue(lines.get(7).matches(" +PEFT OFT +900\\.0 MB +1\\.50 × +0\\.67 ×"), run.out());
    assertTrue(
        run.out().contains("a processor, 2 threads, avx2, 120 GFMA/s, 10.0 GB/s copied"),
        run.out());
    assertTrue(run.out().contains("PEFT 0.21.0 on torch 2.13.0"), run.out());
    assertTrue(run.out().contains("left out       train: all-MiniLM-L6-v2: not there"), run.out());
    assertEquals("merge --runs 3\n", run.err());
  }

  @Test
  void writesFiguresAndAPicture() throws IOException {
    Path output = folder.resolve("bench.json");
    Path plot = folder.resolve("bench.svg");
    run(BenchFixture.document(1.0), "--output", output, "--plot", plot).expect(ExitCode.DONE);
    assertEquals("oft-bench-1", Documents.parse(Files.readString(output)).at("/format").asText());
    String svg = Files.readString(plot);
    assertTrue(svg.contains(">merge: 4096×4096, b 32<"), svg);
    assertTrue(svg.contains(">PEFT OFT<") && svg.contains(">train: memory<"), svg);
  }

  @Test
  void jsonIsTheProgramsOwnDocumentAlone() throws IOException {
    CliRun run = run(BenchFixture.document(1.0), "--json").expect(ExitCode.DONE);
    assertEquals("merge", run.json().at("/measurements/0/work").asText());
    assertEquals("", run.err());
  }

  @Test
  void withoutTheProgramItSaysWhereToGetIt() {
    CliRun run = CliRun.of("bench").expect(ExitCode.INTERNAL);
    assertTrue(run.failure("oft bench").contains("'./oft bench' builds it"), run.err());
  }

  @Test
  void aFailureOfTheProgramIsOneOfTheCommand() throws IOException {
    Path program =
        fixture.program(
            "echo 'oft bench: merge' >&2; echo 'oft bench: the peer x: no peft' >&2; exit 3");
    System.setProperty(PROGRAM, program.toString());
    CliRun run = CliRun.of("bench", "--json").expect(ExitCode.BAD_INPUT);
    assertEquals("the peer x: no peft", run.failure("oft bench"));
    assertEquals(
        "oft bench: merge\noft bench: the peer x: no peft\n",
        CliRun.of("bench").expect(ExitCode.BAD_INPUT).err());
    Files.delete(program);
    System.setProperty(PROGRAM, fixture.program("kill -9 $$").toString());
    assertTrue(CliRun.of("bench").expect(ExitCode.INTERNAL).err().contains("status 137"));
  }

  @Test
  void aRatioThatGrewBeyondTheToleranceFails() throws IOException {
    Path before = fixture.write("old.json", BenchFixture.document(1.0));
    Path after = fixture.write("new.json", BenchFixture.document(0.8));
    CliRun run = CliRun.of("bench", "--compare", before, after).expect(ExitCode.CHECK_FAILED);
    assertTrue(
        run.out().lines().anyMatch(line -> line.matches("  merge: .*, to PEFT OFT .* \\+25 %")),
        run.out());
    assertTrue(run.out().endsWith("FAILED: 1 ratio of 3 beyond 10 % worse, 0 better\n"), run.out());
    CliRun back = CliRun.of("bench", "--compare", after, before).expect(ExitCode.DONE);
    assertTrue(back.out().endsWith("OK: 0 ratios of 3 beyond 10 % worse, 1 better\n"), back.out());
    CliRun.of("bench", "--compare", before, after, "--tolerance", "0.3").expect(ExitCode.DONE);
  }

  @Test
  void comparesTheSameWorksOnly() throws IOException {
    Path before = fixture.write("old.json", BenchFixture.document(1.0));
    String renamed = BenchFixture.document(1.0).replace("4096×4096", "8×8").replace("avx2", "avx");
    Path after = fixture.write("new.json", renamed.replace("a processor", "another"));
    var json =
        CliRun.of("bench", "--compare", before, after, "--json").expect(ExitCode.DONE).json();
    assertEquals(1, json.path("compared").asInt());
    assertEquals(2, json.path("missing").size());
    assertTrue(json.at("/warnings/0").asText().contains("was a processor and is another"));
    assertFalse(json.has("format"));

    Path other = fixture.write("other.json", renamed.replace("memory", "other"));
    CliRun none = CliRun.of("bench", "--compare", before, other).expect(ExitCode.BAD_INPUT);
    assertTrue(none.failure("oft bench").contains("have no ratio in common"), none.err());
    Path malformed = fixture.write("malformed.json", "{}");
    CliRun bad = CliRun.of("bench", "--compare", before, malformed).expect(ExitCode.BAD_INPUT);
    assertTrue(bad.failure("oft bench").contains("is no document of 'oft bench"), bad.err());
    CliRun.of("bench", "--compare", before, folder.resolve("none")).expect(ExitCode.BAD_INPUT);
  }

  /** Runs the command with a program that tells its arguments and prints the document. */
  private CliRun run(String document, Object... args) throws IOException {
    Path file = fixture.write("document.json", document);
    System.setProperty(PROGRAM, fixture.program("echo \"$@\" >&2; cat '" + file + "'").toString());
    var words = new Object[args.length + 1];
    words[0] = "bench";
    System.arraycopy(args, 0, words, 1, args.length);
    return CliRun.of(words);
  }
}
