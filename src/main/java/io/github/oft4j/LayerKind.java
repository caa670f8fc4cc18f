package io.github.oft4j;

import io.github.oft4j.internal.ffm.OftC;

/** What holds a weight; the layout of the weight and its rotated dimension {@code d} follow. */
public enum LayerKind {
  /** {@code nn.Linear}: weight {@code [out, d]}. */
  LINEAR(OftC.OFT_LAYER_LINEAR(), "Linear"),
  /** The {@code Conv1D} of transformers' GPT-2: weight {@code [d, out]}. */
  CONV1D(OftC.OFT_LAYER_CONV1D(), "Conv1D"),
  /** {@code nn.Conv1d}: weight {@code [out, in, k]}, {@code d = in * k}. */
  CONV_1D(OftC.OFT_LAYER_CONV_1D(), "Conv1d"),
  /** {@code nn.Conv2d}: weight {@code [out, in, kh, kw]}, {@code d = in * kh * kw}. */
  CONV_2D(OftC.OFT_LAYER_CONV_2D(), "Conv2d"),
  /** {@code nn.Embedding}: weight {@code [rows, d]}. */
  EMBEDDING(OftC.OFT_LAYER_EMBEDDING(), "Embedding"),
  /** A module that cannot be rotated. */
  OTHER(-1, "Other");

  private final int code;
  private final String jsonName;

  LayerKind(int code, String jsonName) {
    this.code = code;
    this.jsonName = jsonName;
  }

  /**
   * The name in JSON documents.
   *
   * @return the class name in PyTorch or transformers, or {@code "Other"}
   */
  public String jsonName() {
    return jsonName;
  }

  /**
   * The kind with a given name in JSON documents.
   *
   * @param name as {@link #jsonName()} gives it; {@code "Conv1D"} and {@code "Conv1d"} differ
   * @return the kind
   * @throws OFTArgumentException where no kind has this name
   */
  public static LayerKind ofJsonName(String name) {
    for (LayerKind kind : values()) {
      if (kind.jsonName.equals(name)) {
        return kind;
      }
    }
    throw new OFTArgumentException(
        "layer kind '"
            + name
            + "' is unknown: use Linear, Conv1D, Conv1d, Conv2d, Embedding or Other");
  }

  int code() {
    return code;
  }
}
