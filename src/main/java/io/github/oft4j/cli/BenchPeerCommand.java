package io.github.oft4j.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.oft4j.CheckpointMerge;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Command;

/**
 * The Java side of {@code oft bench}, started by the program that measures: answers each line of
 * standard input with one, as native/bench/README.md says of all peers. Its one work is the job.
 */
@Command(name = "bench-peer", hidden = true)
final class BenchPeerCommand extends Subcommand {
  private static final double NANOS = 1e9;

  private JsonNode job;

  BenchPeerCommand(Session session) {
    super(session);
  }

  @Override
  ExitCode execute() throws CliException {
    try (var requests =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      for (String line; (line = requests.readLine()) != null; ) {
        session.out().println(answer(Documents.parse(line)));
      }
    } catch (IOException e) {
      throw CliException.io("cannot read a request", e);
    }
    return ExitCode.DONE;
  }

  private ObjectNode answer(JsonNode request) throws IOException {
    ObjectNode answer = JsonNodeFactory.instance.objectNode();
    switch (request.path("do").asText()) {
      case "hello" -> answer.put("java", Runtime.version().toString());
      case "make" -> job = request;
      case "run" -> answer.put("seconds", seconds(request.path("repeats").asInt()));
      default -> answer.put("error", "no such request: " + request);
    }
    return answer;
  }

  /** The time of some merges, each into a new file. */
  private double seconds(int repeats) throws IOException {
    Path target = path("target");
    long nanos = 0;
    for (int i = 0; i < repeats; i++) {
      Files.deleteIfExists(target);
      long start = System.nanoTime();
      CheckpointMerge.of(path("base")).adapter(path("adapter")).writeTo(target);
      nanos += System.nanoTime() - start;
    }
    return nanos / NANOS;
  }

  private Path path(String key) {
    return Path.of(job.path(key).asText());
  }
}
