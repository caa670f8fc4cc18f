package io.github.oft4j.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.OFT;
import picocli.CommandLine.Command;

/** {@code oft version}: what runs here. */
@Command(
    name = "version",
    description = "Shows the versions of oft and libtorch, and the instruction sets in use.",
    sortOptions = false)
final class VersionCommand extends ReportingSubcommand {
  VersionCommand(Session session) {
    super(session);
  }

  @Override
  ExitCode execute() {
    String document = OFT.buildInfo();
    print(document, () -> text(Documents.parse(document)));
    return ExitCode.DONE;
  }

  private static String text(JsonNode build) {
    var facts = new Facts("oft " + build.path("oft").asText());
    build
        .properties()
        .forEach(
            entry -> {
              if (!entry.getKey().equals("oft")) {
                facts.fact(entry.getKey(), plain(entry.getValue()));
              }
            });
    return facts.fact("java", Runtime.version().toString()).toString();
  }

  private static String plain(JsonNode value) {
    return switch (value.getNodeType()) {
      case ARRAY -> String.join(", ", Documents.strings(value));
      case NULL -> "none";
      default -> value.asText();
    };
  }
}
