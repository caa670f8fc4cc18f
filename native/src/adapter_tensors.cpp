#include "adapter_tensors.hpp"

#include <ATen/ops/from_blob.h>
#include <torch/csrc/jit/serialization/pickle.h>

#include <vector>

#include "dtypes.hpp"
#include "files.hpp"
#include "oft/error.hpp"
#include "oft/safetensors.hpp"

namespace oft {
namespace {

std::map<std::string, at::Tensor> read_safetensors(const std::filesystem::path& path) {
  const SafetensorsFile file = SafetensorsFile::open(path);
  std::map<std::string, at::Tensor> tensors;
  for (const SafetensorsEntry& entry : file.entries()) {
    const auto type = scalar_type(entry.dtype, path.string() + ": tensor '" + entry.name + "'");
    std::shared_ptr<void> data = file.map(entry);
    tensors.emplace(entry.name, at::from_blob(
                                    data.get(), entry.shape, [data](void*) {},
                                    at::TensorOptions().dtype(type)));
  }
  return tensors;
}

std::map<std::string, at::Tensor> read_pickle(const std::filesystem::path& path) {
  const std::string text = read_text_file(path, std::size_t{1} << 32);
  c10::IValue value;
  try {
    value = torch::jit::pickle_load(std::vector<char>(text.begin(), text.end()));
  } catch (const c10::Error& error) {
    throw Error(Status::kParse, path.string() +
                                    ": not a file that torch.save wrote with plain tensors (" +
                                    error.what_without_backtrace() +
                                    "); store the adapter as .safetensors, or at least as "
                                    "dict(state_dict) and not as the OrderedDict of a module");
  }
  if (!value.isGenericDict())
    throw Error(Status::kParse,
                path.string() + ": holds a " + value.tagKind() + ", expected a dict of tensors");
  std::map<std::string, at::Tensor> tensors;
  for (const auto& item : value.toGenericDict()) {
    if (!item.key().isString() || !item.value().isTensor())
      throw Error(Status::kParse,
                  path.string() + ": holds an entry that is not a tensor under a name");
    tensors.emplace(item.key().toStringRef(), item.value().toTensor().detach().cpu());
  }
  return tensors;
}

}  // namespace

bool is_pickle_name(const std::filesystem::path& file) {
  const std::string extension = file.extension().string();
  return extension == ".bin" || extension == ".pt" || extension == ".pth" || extension == ".ckpt";
}

std::map<std::string, at::Tensor> read_adapter_tensors(const std::filesystem::path& file) {
  return is_pickle_name(file) ? read_pickle(file) : read_safetensors(file);
}

void write_adapter_tensors(const std::filesystem::path& file,
                           const std::map<std::string, at::Tensor>& tensors, bool sync) {
  std::vector<SafetensorsEntry> entries;
  for (const auto& [name, tensor] : tensors)
    entries.push_back({.name = name,
                       .dtype = safetensors_dtype(tensor.scalar_type(), "tensor '" + name + "'"),
                       .shape = tensor.sizes().vec()});
  sort_as_safetensors(entries);
  SafetensorsWriter writer(file, std::move(entries), {{"format", "pt"}});
  for (std::size_t i = 0; i < writer.entries().size(); ++i) {
    const SafetensorsEntry& entry = writer.entries()[i];
    const at::Tensor data = tensors.at(entry.name).cpu().contiguous();
    writer.write(i, 0, data.const_data_ptr(), entry.bytes());
  }
  writer.commit(sync);
}

}  // namespace oft
