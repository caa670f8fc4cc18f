package io.github.oft4j.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.oft4j.OFTCancelledException;
import io.github.oft4j.OFTIOException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointFolderTest {
  private static final int KILLS = 2;

  @TempDir Path root;

  @Test
  void aCheckpointAppearsWhole() throws IOException {
    var folder = new CheckpointFolder(root);
    folder.write(3, partial -> assertEquals(Set.of(), names(partial)));
    folder.write(
        10,
        partial -> {
          Files.writeString(partial.resolve("a"), "1");
          assertEquals(List.of(3L), folder.steps(), "it is not there before it is full");
        });
    assertEquals(List.of(10L, 3L), folder.steps());
    assertEquals("1", Files.readString(folder.of(10).resolve("a")));
  }

  @Test
  void aFailureLeavesTheFormerOnes() throws IOException {
    var folder = new CheckpointFolder(root);
    folder.write(1, partial -> Files.writeString(partial.resolve("a"), "former"));
    String message =
        assertThrows(
                OFTIOException.class,
                () ->
                    folder.write(
                        1,
                        partial -> {
                          Files.writeString(partial.resolve("a"), "half");
                          throw new IOException("disk full");
                        }))
            .getMessage();
    assertTrue(message.endsWith("checkpoint-1: disk full"), message);
    assertEquals("former", Files.readString(folder.of(1).resolve("a")));
    assertEquals(Set.of("checkpoint-1"), names(new CheckpointFolder(root).of(1).getParent()));
  }

  @Test
  void keepsTheLastOnesAndOneMore() {
    var folder = new CheckpointFolder(root);
    for (long step = 1; step <= 12; step++) {
      folder.write(step, _ -> {});
    }
    folder.prune(2, 4);
    assertEquals(List.of(12L, 11L, 4L), folder.steps());
  }

  @Test
  void aFolderThatCannotBeIsAnIoFailure() throws IOException {
    Path file = Files.writeString(root.resolve("file"), "");
    String message =
        assertThrows(OFTIOException.class, () -> new CheckpointFolder(file)).getMessage();
    assertTrue(message.contains("cannot prepare"), message);
  }

  /** Kills a process that does little else than write checkpoints, again and again. */
  @Test
  void aKilledTrainingGoesOnFromItsLastCheckpoint() throws Exception {
    for (int kill = 1; kill <= KILLS; kill++) {
      Process process = JavaProcess.start(KilledTraining.class.getName(), root);
      String last = "";
      try (BufferedReader lines = process.inputReader()) {
        for (int i = 0; i < 3 * kill; i++) {
          last = lines.readLine();
        }
      } finally {
        process.destroyForcibly().waitFor();
      }
      long told = Long.parseLong(last.replace("checkpoint-", ""));
      assertTrue(new CheckpointFolder(root).last().orElseThrow() >= told);
    }
    var resumed = new Recorder(new CheckpointFolder(root).last().orElseThrow() + 2);
    try (var job = TrainingFixture.dropout()) {
      Trainer<?> trainer = KilledTraining.trainer(job, root).listener(resumed);
      assertThrows(OFTCancelledException.class, trainer::fit);
    }
    long steps = new CheckpointFolder(root).last().orElseThrow();
    var whole = new Recorder(steps);
    try (var job = TrainingFixture.dropout()) {
      Trainer<?> trainer =
          job.trainer(KilledTraining.BATCHES).steps(KilledTraining.STEPS).listener(whole);
      assertThrows(OFTCancelledException.class, trainer::fit);
    }
    assertEquals(whole.losses.subList((int) steps - 2, (int) steps), resumed.losses);
  }

  private static Set<String> names(Path folder) throws IOException {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.map(entry -> entry.getFileName().toString()).collect(Collectors.toSet());
    }
  }
}
