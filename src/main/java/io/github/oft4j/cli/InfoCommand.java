package io.github.oft4j.cli;

import io.github.oft4j.OFT;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code oft info}: what a path holds. */
@Command(
    name = "info",
    description = "Tells what an adapter, a checkpoint, a pipeline or a TorchScript file holds.",
    sortOptions = false)
final class InfoCommand extends ReportingSubcommand {
  @Parameters(
      paramLabel = "PATH",
      description = {
        "An adapter, a checkpoint (file or folder), a diffusers pipeline, a TorchScript file,",
        "or a model in the Hugging Face cache: org/name[@revision][/folder]."
      })
  private Path path;

  @Option(names = "--all", description = "List everything, not only the first lines.")
  private boolean all;

  InfoCommand(Session session) {
    super(session);
  }

  @Override
  ExitCode execute() {
    String document = OFT.describe(path);
    print(document, () -> new InfoText(all).of(Documents.parse(document)));
    return ExitCode.DONE;
  }
}
