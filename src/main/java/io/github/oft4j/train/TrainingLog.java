package io.github.oft4j.train;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.oft4j.OFTIOException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A file of JSON lines, each written at once, so that others may read along. */
final class TrainingLog implements TrainingListener, AutoCloseable {
  private final Path file;
  private final FileChannel channel;

  /**
   * Opens the log.
   *
   * @param bytes of it that are kept: what came after a checkpoint will come again
   */
  TrainingLog(Path file, long bytes) {
    this.file = file;
    try {
      channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      channel.truncate(bytes).position(channel.size());
    } catch (IOException e) {
      throw failure(e);
    }
  }

  @Override
  public boolean onStep(StepReport report) {
    write(
        event("step")
            .put("step", report.step())
            .put("epoch", report.epoch())
            .put("loss", report.loss())
            .put("learning_rate", report.learningRate())
            .put("gradient_norm", report.gradientNorm())
            .put("seconds", report.seconds()));
    return true;
  }

  @Override
  public void onEvaluation(EvaluationReport report) {
    write(
        event("evaluation")
            .put("step", report.step())
            .put("value", report.value())
            .put("is_best", report.isBest()));
  }

  long bytes() {
    try {
      return channel.size();
    } catch (IOException e) {
      throw failure(e);
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw failure(e);
    }
  }

  private static ObjectNode event(String name) {
    return JsonNodeFactory.instance.objectNode().put("event", name);
  }

  private void write(ObjectNode line) {
    var bytes = ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8));
    try {
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
    } catch (IOException e) {
      throw failure(e);
    }
  }

  private OFTIOException failure(IOException cause) {
    var failure = new OFTIOException("cannot write the log " + file + ": " + cause.getMessage());
    failure.initCause(cause);
    return failure;
  }
}
